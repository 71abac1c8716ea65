//! What was asked of the identity service.

use std::{collections::VecDeque, sync::Mutex};

use super::super::lock;

/// The protocols of the identity service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// The Instance Metadata Service.
    Imds,
    /// App Service, Functions and Container Apps, in both versions.
    AppService,
    /// Container Instances on Windows.
    ContainerInstances,
    /// The agent of Azure Arc.
    AzureArc,
    /// Azure Machine Learning.
    MachineLearning,
    /// Cloud Shell.
    CloudShell,
    /// The token endpoint of Microsoft Entra ID.
    Entra,
    /// The same behind the token proxy of an AKS identity binding.
    TokenProxy,
    /// None of them: the path belongs to no protocol.
    Unknown,
}

/// One request, without its headers and body, which hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The protocol that the path belongs to.
    pub protocol: Protocol,
    /// The HTTP method.
    pub method: String,
    /// The path and query as they were sent.
    pub path_and_query: String,
    /// The status of the answer; `None` while there is none, which may be for ever.
    pub status: Option<u16>,
}

/// How many requests are remembered. More than a test needs, little enough for a long rehearsal.
const REMEMBERED: usize = 10_000;

/// The latest requests, and how many there have been.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    latest: VecDeque<RecordedRequest>,
    count: usize,
}

impl RequestLog {
    /// Records a request when it arrives and returns its number.
    pub(crate) fn arrived(&self, protocol: Protocol, method: &str, path_and_query: &str) -> usize {
        let mut entries = lock(&self.0);
        if entries.latest.len() == REMEMBERED {
            entries.latest.pop_front();
        }
        entries.latest.push_back(RecordedRequest {
            protocol,
            method: method.to_owned(),
            path_and_query: path_and_query.to_owned(),
            status: None,
        });
        entries.count += 1;
        entries.count - 1
    }

    /// Records how a request was answered.
    pub(crate) fn answered(&self, number: usize, status: u16) {
        let mut entries = lock(&self.0);
        let forgotten = entries.count - entries.latest.len();
        let index = number.checked_sub(forgotten);
        if let Some(request) = index.and_then(|index| entries.latest.get_mut(index)) {
            request.status = Some(status);
        }
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        lock(&self.0).latest.iter().cloned().collect()
    }

    pub(crate) fn count(&self) -> usize {
        lock(&self.0).count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_request_also_when_older_ones_are_forgotten() {
        let log = RequestLog::default();
        for number in 0..=REMEMBERED {
            log.arrived(Protocol::Imds, "GET", &format!("/{number}"));
        }
        log.answered(0, 200);
        log.answered(REMEMBERED, 404);
        let requests = log.all();
        assert_eq!((requests.len(), log.count()), (REMEMBERED, REMEMBERED + 1));
        assert_eq!(requests[0].status, None);
        assert_eq!(requests[REMEMBERED - 1].status, Some(404));
    }
}
