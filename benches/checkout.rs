//! What the check of a connection costs a checkout: pools with it beside the same pools without, in turn, each
//! checkout with one small query.
//!
//! ```sh
//! cargo bench --bench checkout --features deadpool,diesel-async,emulator,native-tls,sqlx
//! ```
//!
//! The server is on loopback, where a round trip takes no time on the way: the ratio is that of the work. Over a
//! network, add the time of one round trip.

mod common;

use common::{
    report::{Samples, rounds},
    runtime,
};
use deadpool_postgres::{ManagerConfig, RecyclingMethod};
use diesel_async::{
    RunQueryDsl,
    pooled_connection::{self, ManagerConfig as DieselConfig, RecyclingMethod as DieselRecycling},
};
use postgres_entra::{
    Connector,
    emulator::{ClientType, LocalAzure, Login, Platform},
    pool::{
        self,
        sqlx::{EntraPgPool, pool_options},
    },
};
use sqlx::postgres::PgPoolOptions;

/// Enough for the ratio of two medians to be known to about one in a hundred.
const ROUNDS: usize = 2000;

fn main() {
    let azure = LocalAzure::start_blocking().expect("a local Azure");
    runtime().block_on(async {
        let vars = azure.vars(Login::SystemAssigned(Platform::AppService), ClientType::Python);
        let connector = Connector::from_vars(vars).expect("a connector");
        deadpool(&connector).await;
        diesel(&connector).await;
        sqlx(&connector).await;
    });
}

async fn deadpool(connector: &Connector) {
    let use_of = async |pool: &deadpool_postgres::Pool| {
        let client = pool.get().await.expect("a connection");
        client.simple_query("SELECT 1").await.expect("an answer");
    };
    let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let unchecked = deadpool_postgres::Pool::builder(pool::deadpool::manager(connector, fast));
    let unchecked = unchecked.max_size(1).build().expect("a pool");
    let checked = pool::deadpool::builder(connector).max_size(1).build().expect("a pool");
    compare("deadpool", || use_of(&checked), || use_of(&unchecked)).await;
}

async fn diesel(connector: &Connector) {
    type Pool = pooled_connection::deadpool::Pool<diesel_async::AsyncPgConnection>;
    let use_of = async |pool: &Pool| {
        let mut connection = pool.get().await.expect("a connection");
        diesel::sql_query("SELECT 1").execute(&mut connection).await.expect("an answer");
    };
    let mut fast = DieselConfig::default();
    fast.recycling_method = DieselRecycling::Fast;
    let manager = pool::diesel_async::manager_with_config(connector, fast);
    let unchecked = Pool::builder(manager).max_size(1).build().expect("a pool");
    let manager = pool::diesel_async::manager(connector);
    let checked = Pool::builder(manager).max_size(1).build().expect("a pool");
    compare("diesel-async", || use_of(&checked), || use_of(&unchecked)).await;
}

async fn sqlx(connector: &Connector) {
    let use_of = async |pool: &EntraPgPool| {
        let mut connection = pool.acquire().await.expect("a connection");
        sqlx::raw_sql("SELECT 1").execute(&mut *connection).await.expect("an answer");
    };
    let without = PgPoolOptions::new().test_before_acquire(false);
    let unchecked = EntraPgPool::open(connector, without.max_connections(1)).await;
    let checked = EntraPgPool::open(connector, pool_options().max_connections(1)).await;
    let (unchecked, checked) = (unchecked.expect("a pool"), checked.expect("a pool"));
    compare("sqlx", || use_of(&checked), || use_of(&unchecked)).await;
}

async fn compare(name: &str, checked: impl AsyncFn(), unchecked: impl AsyncFn()) {
    // The first checkouts connect.
    checked().await;
    unchecked().await;
    let (mut with, mut without) = (Samples::default(), Samples::default());
    for round in 0..rounds(ROUNDS) {
        if round % 2 == 0 {
            with.time(checked()).await;
            without.time(unchecked()).await;
        } else {
            without.time(unchecked()).await;
            with.time(checked()).await;
        }
    }
    println!("{name:<12} checked     {}", with.summary());
    println!("{name:<12} unchecked   {}", without.summary());
    println!("{name:<12} ratio       {}\n", with.ratio_to(&without));
}
