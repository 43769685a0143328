//! The account behind the key: credit, charges, rights; and what others say of
//! a host (facts: vast.md §1, §2.4, §6, §8).

use http::Method;
use model::{At, HostId, MachineId, Money, Right, RightCheck, clean};
use serde_json::{Value, json};

use super::{CALL_TIMEOUT, Vast, not_understood};
use crate::answer::{self, unreachable};
use crate::{Account, Charge, CloudError, CloudErrorKind, HostReport};

/// Rows a page of charges, the documented most.
const ROWS: &str = "500";
const PAGES: usize = 100;
const DAY_S: i64 = 86_400;
const WORDS: usize = 300;
/// No machine has this number.
const NOBODY: u64 = 0;

impl Vast {
    pub(super) async fn read_account(&self) -> Result<Account, CloudError> {
        let json = self.call(Method::GET, "api/v0/users/current", &[], None).await?;
        let credit = json.get("credit").and_then(answer::number);
        if credit.is_none() && json.get("id").and_then(answer::id).is_none() {
            return Err(not_understood("the account has neither id nor credit"));
        }
        // Rounded down: a price is rounded up, what is left to pay it is not.
        let credit = credit.map(|usd| Money::from_micros((usd * 1e6 + 1e-3).floor() as i64));
        Ok(Account { credit })
    }

    /// Whole days: rows are summed over the range that is asked for.
    pub(super) async fn read_charges(&self, from: At, to: At) -> Result<Vec<Charge>, CloudError> {
        let first = from.unix_ms().div_euclid(1_000).div_euclid(DAY_S) * DAY_S;
        let last = to.unix_ms().div_euclid(1_000);
        let filters = json!({ "day": { "gte": first, "lte": last.max(first) } }).to_string();
        let mut charges = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = vec![
                ("select_filters", filters.as_str()),
                ("latest_first", "false"),
                ("limit", ROWS),
                ("format", "table"),
            ];
            if let Some(token) = &token {
                query.push(("after_token", token));
            }
            let page = self.call(Method::GET, "api/v0/charges/", &query, None).await?;
            let rows = page
                .get("results")
                .and_then(Value::as_array)
                .ok_or_else(|| not_understood("the charges have no rows"))?;
            charges.extend(rows.iter().filter_map(charge));
            token = match page.get("next_token") {
                None | Some(Value::Null) => return Ok(charges),
                Some(Value::String(next)) if next.is_empty() => return Ok(charges),
                Some(Value::String(next)) => Some(next.clone()),
                Some(other) => Some(other.to_string()),
            };
        }
        Err(not_understood("the pages of charges do not end"))
    }

    pub(super) async fn read_reports(&self, host: &HostId) -> Result<Vec<HostReport>, CloudError> {
        let number = answer::id(&Value::from(host.as_str())).ok_or_else(|| {
            let details = format!("\"{}\" is no host number", clean(host.as_str(), 40));
            CloudError::new(CloudErrorKind::Refused, details)
        })?;
        let path = format!("api/v0/machines/{number}/reports/");
        let body = json!({ "machine_id": number });
        // The answer is a bare list, so none of the usual checks apply.
        let answer = self
            .exchange(Method::GET, &path, &[], Some(&body), CALL_TIMEOUT)
            .await
            .map_err(|error| unreachable(&error))?;
        let rows = match answer.json() {
            Some(Value::Array(rows)) if answer.status == 200 => rows,
            Some(_) | None => return Err(self.discreet(&answer.error())),
        };
        let text = |row: &Value, key: &str| {
            clean(row.get(key).and_then(Value::as_str).unwrap_or_default(), WORDS)
        };
        Ok(rows
            .iter()
            .map(|row| HostReport { problem: text(row, "problem"), message: text(row, "message") })
            .collect())
    }

    /// What the key may do, by calls that change nothing: the right to change
    /// machines is tried on one that does not exist.
    pub(super) async fn read_rights(&self) -> Result<Vec<RightCheck>, CloudError> {
        let now = At::from_unix_ms(0);
        let list = self.list_all();
        let change = async {
            let path = format!("api/v0/instances/{NOBODY}/");
            self.call(Method::DELETE, &path, &[], Some(&json!({}))).await
        };
        let charges = self.read_charges(now, now);
        let (list, change, charges) = tokio::join!(list, change, charges);
        let change = match change {
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        };
        if let Err(error) = &list
            && error.kind == CloudErrorKind::KeyRefused
        {
            return Err(error.clone());
        }
        Ok(vec![
            // The market is open to everybody.
            right(Right::SearchOffers, &Ok(()), true),
            right(Right::ReadMachines, &list.map(drop), true),
            right(Right::ChangeMachines, &change, true),
            right(Right::ReadCharges, &charges.map(drop), false),
        ])
    }
}

fn right(right: Right, tried: &Result<(), CloudError>, needed: bool) -> RightCheck {
    let allowed = match tried {
        Ok(()) => Some(true),
        Err(error) => match error.kind {
            CloudErrorKind::Forbidden | CloudErrorKind::KeyRefused => Some(false),
            _ => None,
        },
    };
    RightCheck { right, allowed, needed }
}

/// One machine's row; rows of other kinds are none.
fn charge(row: &Value) -> Option<Charge> {
    let number = row.get("source")?.as_str()?.strip_prefix("instance-")?;
    number.parse::<u64>().ok()?;
    let usd = |value: &Value| value.get("amount").and_then(answer::number);
    let items = row.get("items").and_then(Value::as_array);
    let item = |kind: &str| {
        items
            .into_iter()
            .flatten()
            .filter(|item| item.get("type").and_then(Value::as_str) == Some(kind))
            .filter_map(usd)
            .map(Money::from_usd)
            .sum()
    };
    Some(Charge {
        machine: MachineId::new(number),
        total: Money::from_usd(usd(row)?),
        gpu: item("gpu"),
        disk: item("disk"),
        down: item("bwd"),
        up: item("bwu"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Canned, vast};
    use super::*;
    use crate::Cloud;

    #[tokio::test]
    async fn credit_is_rounded_down_and_proves_the_key() {
        let http = Canned::of([
            (200, r#"{"id":5,"credit":12.3456789,"balance":0}"#),
            (200, r#"{"id":5,"credit":-0.3}"#),
            (200, r#"{"id":5}"#),
            (200, "{}"),
        ]);
        let vast = vast(&http);
        assert_eq!(vast.account().await.unwrap().credit, Some(Money::from_micros(12_345_678)));
        assert_eq!(vast.account().await.unwrap().credit, Some(Money::from_micros(-300_000)));
        assert_eq!(vast.account().await.unwrap().credit, None);
        assert_eq!(vast.account().await.unwrap_err().kind, CloudErrorKind::NotUnderstood);
        assert_eq!(http.asked()[0], "GET /api/v0/users/current");
    }

    #[tokio::test]
    async fn charges_are_read_over_all_pages() {
        let page = |source: &str, next: Value| {
            let row = json!({
                "source": source, "type": "instance", "amount": 0.123,
                "items": [{ "type": "gpu", "amount": 0.1 }, { "type": "bwd", "amount": 0.003 },
                          { "type": "bwd", "amount": 0.02 }],
            });
            (200, json!({ "success": true, "results": [row], "next_token": next }).to_string())
        };
        let http = Canned::of([page("instance-7", json!("t")), page("volume-1", Value::Null)]);
        let (from, to) = (At::from_unix_ms(1_795_435_200_000), At::from_unix_ms(1_795_440_000_000));
        let charges = vast(&http).charges(from, to).await.unwrap();
        assert_eq!(charges.len(), 1);
        assert_eq!(charges[0].machine, MachineId::new("7"));
        assert_eq!((charges[0].total.micros(), charges[0].down.micros()), (123_000, 23_000));
        assert!(http.asked()[0].starts_with(
            "GET /api/v0/charges/?select_filters=%7B%22day%22%3A%7B%22gte%22%3A1795392000%2C\
             %22lte%22%3A1795440000%7D%7D&latest_first=false&limit=500&format=table"
        ));
        assert!(http.asked()[1].ends_with("&after_token=t"));
    }

    #[tokio::test]
    async fn reports_of_a_host_are_a_bare_list() {
        let body = r#"[{"problem":"slow","message":"never \u0007boots","created_at":"x"}]"#;
        let http = Canned::of([(200, body), (200, "{}")]);
        let vast = vast(&http);
        let reports = vast.reports(&HostId::new("88")).await.unwrap();
        assert_eq!(
            (reports[0].problem.as_str(), reports[0].message.as_str()),
            ("slow", "never boots")
        );
        assert_eq!(http.asked()[0], r#"GET /api/v0/machines/88/reports/ {"machine_id":88}"#);
        assert!(vast.reports(&HostId::new("88")).await.is_err());
        assert!(vast.reports(&HostId::new("../x")).await.is_err());
    }
}
