//! r2d2 across the lives of tokens, from plain threads.

#[cfg(feature = "diesel")]
mod diesel;
#[cfg(feature = "blocking")]
mod postgres;

use std::{fmt, time::Duration};

use postgres_entra::{
    Connector,
    blocking::{self, ErrorLog},
};
use r2d2::{ManageConnection, Pool, PooledConnection};

use crate::support::{
    chain,
    pool_story::TestPool,
    threads::{OnThreads, on_a_thread},
};

/// What differs between the drivers.
trait Manager: ManageConnection + fmt::Debug {
    fn of(connector: &blocking::Connector) -> (Self, ErrorLog)
    where
        Self: Sized;

    fn value_of(connection: &mut Self::Connection, expression: &str) -> Result<i64, String>;
}

pub(super) struct R2d2<M: ManageConnection> {
    pool: Pool<M>,
    errors: ErrorLog,
}

impl<M: ManageConnection> Clone for R2d2<M> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), errors: self.errors.clone() }
    }
}

impl<M: Manager<Error = postgres_entra::Error>> TestPool for R2d2<M> {
    type Connection = OnThreads<PooledConnection<M>>;

    async fn open(connector: &Connector, size: usize, limit: Duration) -> Self {
        let (manager, errors) = M::of(&blocking::Connector::new(connector));
        let pool = Pool::builder()
            .max_size(u32::try_from(size).unwrap())
            .connection_timeout(limit)
            .error_handler(Box::new(errors.clone()))
            .build_unchecked(manager);
        Self { pool, errors }
    }

    async fn checkout(&self) -> Result<Self::Connection, String> {
        let Self { pool, errors } = self.clone();
        on_a_thread(move || match pool.get() {
            Ok(connection) => Ok(OnThreads::new(connection)),
            Err(error) => Err(match errors.last_error() {
                Some(cause) => format!("{error}: {}", chain(&*cause)),
                None => error.to_string(),
            }),
        })
        .await
    }

    async fn value_of(connection: &mut Self::Connection, expression: &str) -> Result<i64, String> {
        let expression = expression.to_owned();
        connection.with(move |connection| M::value_of(connection, &expression)).await
    }

    /// r2d2 has no other way.
    async fn close(self) {
        on_a_thread(move || drop(self)).await;
    }
}

/// All stories for one manager.
macro_rules! tell_stories {
    ($manager:ty) => {
        use crate::{pool::r2d2::R2d2, support::pool_story};

        #[tokio::test]
        async fn it_outlives_its_first_token() {
            pool_story::outlives_its_first_token::<R2d2<$manager>>().await;
        }

        #[tokio::test]
        async fn it_refills_while_the_identity_service_is_down() {
            pool_story::refills_while_the_identity_service_is_down::<R2d2<$manager>>().await;
        }

        #[tokio::test]
        async fn it_forces_one_fetch_for_a_rejected_token() {
            pool_story::forces_one_fetch_for_a_rejected_token::<R2d2<$manager>>().await;
        }

        #[tokio::test]
        async fn it_names_a_wrong_role() {
            pool_story::names_a_wrong_role::<R2d2<$manager>>().await;
        }

        #[tokio::test]
        async fn it_leaves_nothing_when_closed() {
            pool_story::leaves_nothing_when_closed::<R2d2<$manager>>().await;
        }

        #[tokio::test]
        async fn it_fetches_one_token_for_two_hundred_checkouts() {
            pool_story::fetches_one_token_for_two_hundred_checkouts::<R2d2<$manager>>().await;
        }
    };
}
use tell_stories;
