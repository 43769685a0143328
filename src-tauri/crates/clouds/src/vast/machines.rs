//! One machine at a time: show, label, start, stop, logs (facts: vast.md §4, §6).

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use model::{MachineId, clean};
use serde_json::{Value, json};
use url::Url;

use super::{CALL_TIMEOUT, Vast, instance_id, is_loopback, list, not_understood};
use crate::answer::unreachable;
use crate::{CloudError, CloudErrorKind, Listed, Timeout};

/// Labels are 256 characters at most when a machine is made, 1,024 later.
const LABEL_CHARS: usize = 1_024;
/// A log appears at its address some time after it was asked for, or never.
const LOG_LOOKS: u32 = 30;
const LOG_PAUSE: Duration = Duration::from_millis(300);
/// Longest line of a log that is shown.
const LOG_LINE: usize = 2_000;

impl Vast {
    pub(super) async fn show_one(&self, machine: &MachineId) -> Result<Option<Listed>, CloudError> {
        let path = format!("api/v0/instances/{}/", instance_id(machine)?);
        let answer = self.call(Method::GET, &path, &[("owner", "me")], None).await?;
        match answer.get("instances") {
            Some(Value::Null) => Ok(None),
            Some(row @ Value::Object(_)) => list::read_row(row)
                .filter(|listed| listed.machine == *machine)
                .map(Some)
                .ok_or_else(|| not_understood("another machine is shown than the one asked for")),
            _ => Err(not_understood("no machine is shown, nor that there is none")),
        }
    }

    pub(super) async fn set_label(
        &self,
        machine: &MachineId,
        label: &str,
    ) -> Result<(), CloudError> {
        if label.chars().count() > LABEL_CHARS {
            let details = format!("a label has at most {LABEL_CHARS} characters");
            return Err(CloudError::new(CloudErrorKind::Refused, details));
        }
        self.change(machine, &json!({ "label": label })).await
    }

    /// Asks for a state. A machine whose GPUs others have does not come back,
    /// and the promise to queue it is not kept (§4.3).
    pub(super) async fn set_state(
        &self,
        machine: &MachineId,
        state: &str,
    ) -> Result<(), CloudError> {
        match self.change(machine, &json!({ "state": state })).await {
            Err(error) if error.details.contains("resources_unavailable") => {
                Err(CloudError { kind: CloudErrorKind::NoCapacity, ..error })
            }
            other => other,
        }
    }

    async fn change(&self, machine: &MachineId, body: &Value) -> Result<(), CloudError> {
        let path = format!("api/v0/instances/{}/", instance_id(machine)?);
        let answer = self.call(Method::PUT, &path, &[], Some(body)).await?;
        match answer.get("success") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(not_understood("the change is not confirmed")),
        }
    }

    pub(super) async fn read_logs(
        &self,
        machine: &MachineId,
        lines: u32,
    ) -> Result<Vec<String>, CloudError> {
        let path = format!("api/v0/instances/request_logs/{}/", instance_id(machine)?);
        let body = json!({ "tail": lines.to_string() });
        let answer = self.call(Method::PUT, &path, &[], Some(&body)).await?;
        let url = answer
            .get("result_url")
            .and_then(Value::as_str)
            .and_then(|url| self.result_address(url))
            .ok_or_else(|| not_understood("the log has no address"))?;
        for look in 0..LOG_LOOKS {
            if look > 0 {
                tokio::time::sleep(LOG_PAUSE).await;
            }
            if let Some(text) = self.fetch(&url).await? {
                let mut text: Vec<String> =
                    text.lines().map(|line| clean(line, LOG_LINE)).collect();
                text.drain(..text.len().saturating_sub(lines as usize));
                return Ok(text);
            }
        }
        Err(CloudError::new(CloudErrorKind::Unreachable, "the host does not send its log"))
    }

    /// Only an address of the kind the log's storage has: never a plain one
    /// outside this computer.
    fn result_address(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let same = url.origin() == self.base.origin();
        (url.scheme() == "https" || same && is_loopback(&url)).then_some(url)
    }

    /// Without the key: the address itself is the secret.
    async fn fetch(&self, url: &Url) -> Result<Option<String>, CloudError> {
        let request = Request::get(url.as_str())
            .extension(Timeout(CALL_TIMEOUT))
            .body(Bytes::new())
            .map_err(|error| not_understood(error.to_string()))?;
        let answer = self.http.send(request).await.map_err(|error| unreachable(&error))?;
        let there = answer.status() == 200;
        Ok(there.then(|| String::from_utf8_lossy(answer.body()).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Canned, vast};
    use super::*;
    use crate::Cloud;

    fn seven() -> MachineId {
        MachineId::new("7")
    }

    #[tokio::test]
    async fn one_machine_is_shown_or_known_to_be_none() {
        let http = Canned::of([
            (200, r#"{"instances":{"id":7,"label":"x","actual_status":"running"}}"#),
            (200, r#"{"instances":null}"#),
        ]);
        let vast = vast(&http);
        assert_eq!(vast.show(&seven()).await.unwrap().unwrap().label, "x");
        assert_eq!(vast.show(&seven()).await.unwrap(), None);
        assert_eq!(http.asked()[0], "GET /api/v0/instances/7/?owner=me");
    }

    #[tokio::test]
    async fn what_does_not_show_the_machine_is_not_understood() {
        for body in
            ["{}", r#"{"instances":[]}"#, r#"{"instances":{"id":8}}"#, r#"{"instances":{}}"#]
        {
            let error = vast(&Canned::of([(200, body)])).show(&seven()).await.unwrap_err();
            assert_eq!(error.kind, CloudErrorKind::NotUnderstood, "{body}");
        }
    }

    #[tokio::test]
    async fn a_machine_is_labelled_stopped_and_started() {
        let done = r#"{"success":true}"#;
        let http = Canned::of([(200, done), (200, done), (200, done)]);
        let vast = vast(&http);
        vast.label(&seven(), "mine").await.unwrap();
        vast.stop(&seven()).await.unwrap();
        vast.start(&seven()).await.unwrap();
        assert_eq!(
            http.asked(),
            [
                r#"PUT /api/v0/instances/7/ {"label":"mine"}"#,
                r#"PUT /api/v0/instances/7/ {"state":"stopped"}"#,
                r#"PUT /api/v0/instances/7/ {"state":"running"}"#,
            ]
        );
        let long = "x".repeat(LABEL_CHARS + 1);
        let error = vast.label(&seven(), &long).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Refused);
    }

    #[tokio::test]
    async fn a_start_that_is_only_queued_is_no_start() {
        let queued = r#"{"success":false,"error":"resources_unavailable",
            "msg":"Required resources are currently unavailable, state change queued."}"#;
        let error = vast(&Canned::of([(200, queued)])).start(&seven()).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::NoCapacity);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_is_waited_for_without_the_key() {
        let asked = r#"{"success":true,"result_url":"http://127.0.0.1:9/results/1","msg":"x"}"#;
        let http = Canned::keyless_after_first([
            (200, asked),
            (404, ""),
            (200, "one\ntwo \u{1b}[31mred\nthree\n"),
        ]);
        let lines = vast(&http).logs(&seven(), 2).await.unwrap();
        assert_eq!(lines, ["two [31mred", "three"]);
        assert_eq!(http.asked()[0], r#"PUT /api/v0/instances/request_logs/7/ {"tail":"2"}"#);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_at_a_strange_address_is_not_fetched() {
        for url in ["http://10.0.0.1/x", "file:///etc/passwd", "http://127.0.0.1:10/x", "", "x"] {
            let body = json!({ "success": true, "result_url": url }).to_string();
            let error = vast(&Canned::of([(200, body)])).logs(&seven(), 2).await.unwrap_err();
            assert_eq!(error.kind, CloudErrorKind::NotUnderstood, "{url}");
        }
    }
}
