//! Which protocol a request belongs to, and its answers.

use hyper::http::request::Parts;

use super::{
    Protocol, Shared, app_service, azure_arc, cloud_shell, container_instances, discovery, entra,
    entra_error::EntraError,
    imds, machine_learning,
    message::{Fields, Reply, Request},
    token_proxy,
};
use crate::emulator::mint::EXCHANGE_AUDIENCE;

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    /// The base of all protocols but one, with TLS or without.
    Front,
    /// The token proxy of a cluster.
    TokenProxy,
}

pub(crate) fn protocol_of(door: Door, path: &str) -> Protocol {
    let path = path.strip_suffix('/').unwrap_or(path);
    match (door, path) {
        (Door::TokenProxy, path) if token_proxy::entra_path(path).is_some() => Protocol::TokenProxy,
        (Door::TokenProxy, _) => Protocol::Unknown,
        (_, imds::PATH) => Protocol::Imds,
        (_, app_service::PATH) => Protocol::AppService,
        (_, container_instances::PATH) => Protocol::ContainerInstances,
        (_, azure_arc::PATH) => Protocol::AzureArc,
        (_, machine_learning::PATH) => Protocol::MachineLearning,
        (_, cloud_shell::PATH) => Protocol::CloudShell,
        (_, path) if entra::tenant_of(path).is_some() || discovery::is_document(path) => {
            Protocol::Entra
        }
        _ => Protocol::Unknown,
    }
}

pub(crate) fn answer(protocol: Protocol, head: Parts, body: Vec<u8>, shared: &Shared) -> Reply {
    let path = head.uri.path().trim_end_matches('/');
    let path = match protocol {
        Protocol::TokenProxy => token_proxy::entra_path(path).unwrap_or_default(),
        _ => path,
    };
    let request = Request {
        method: head.method.to_string(),
        path: path.to_owned(),
        query: Fields::parse(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body,
    };
    let authority = &shared.authority;
    match protocol {
        Protocol::Imds => imds::answer(authority, &request),
        Protocol::AppService => app_service::answer(authority, &request),
        Protocol::ContainerInstances => container_instances::answer(authority, &request),
        Protocol::AzureArc => azure_arc::answer(authority, &shared.challenges, &request),
        Protocol::MachineLearning => machine_learning::answer(authority, &request),
        Protocol::CloudShell => cloud_shell::answer(authority, &request),
        Protocol::TokenProxy => shared.token_proxy.answer(authority, &request),
        Protocol::Entra => discovery::answer(authority, &shared.https_url, &request)
            .unwrap_or_else(|| entra::answer(authority, &request, EXCHANGE_AUDIENCE)),
        Protocol::Unknown => nothing_here(&request.path),
    }
}

/// A refusal for no reason of the request's, in the protocol's own form.
pub(crate) fn failure(protocol: Protocol, status: u16) -> Reply {
    const TEXT: &str = "The service can't answer now.";
    match protocol {
        Protocol::AppService | Protocol::MachineLearning => app_service::error(status, TEXT),
        Protocol::ContainerInstances => container_instances::error(status, "ServiceUnavailable"),
        Protocol::CloudShell => cloud_shell::error(status, "ServiceUnavailable", TEXT),
        Protocol::Entra | Protocol::TokenProxy => EntraError::OutOfOrder(status).reply(),
        Protocol::Imds | Protocol::AzureArc | Protocol::Unknown => {
            imds::error(status, "unknown", TEXT)
        }
    }
}

/// The paths that there are, since a path that is wrong in one letter looks right.
fn nothing_here(path: &str) -> Reply {
    let paths = [
        imds::PATH,
        app_service::PATH,
        container_instances::PATH,
        azure_arc::PATH,
        machine_learning::PATH,
        cloud_shell::PATH,
    ];
    let text = format!(
        "the local Azure has nothing at {path}; it has {} and the paths of Microsoft Entra ID below a \
         tenant's id",
        paths.join(", ")
    );
    imds::error(404, "not_found", &text)
}
