//! The account behind the key: credit, keys, charges (facts: vast.md §5, §6,
//! §8).

use http::StatusCode;
use model::At;
use serde_json::{Value, json};

use super::api::{Asked, bad_request};
use super::instance::SshKey;
use super::query::number;
use super::reply::Reply;
use super::world::World;

pub(super) fn user(world: &World) -> Reply {
    let now = world.now();
    let state = world.state();
    Reply::ok(&json!({
        "id": 1, "username": "practice", "email": "practice@localhost", "email_verified": true,
        "fullname": "Practice", "credit": state.credit(now).usd(), "balance": 0.0,
        "balance_threshold": state.script.balance_threshold.usd(),
        "balance_threshold_enabled": true, "total_spend": state.spent(now).usd(),
        "ssh_key": state.account_keys.first().map(|key| key.text.clone()),
        "has_billing": true, "has_payout": false, "can_pay": true, "billing_creditonly": 0,
        "host_agreement_accepted": false, "got_signup_credit": 0, "password_resettable": 1,
    }))
}

fn key_row(key: &SshKey) -> Value {
    let since = key.since.to_string();
    json!({
        "id": key.id, "user_id": 1, "key": key.text, "public_key": key.text, "created_at": since,
        "deleted_at": null,
    })
}

pub(super) fn keys(world: &World) -> Reply {
    let keys: Vec<Value> = world.state().account_keys.iter().map(key_row).collect();
    Reply::ok(&Value::from(keys))
}

fn key_text(body: &Value) -> Result<String, Reply> {
    let text = body.get("ssh_key").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if text.is_empty() { Err(Reply::bad("ssh_key is missing")) } else { Ok(text.to_owned()) }
}

/// Only machines made later get it (§5).
pub(super) fn add_key(world: &World, body: &Value) -> Result<Reply, Reply> {
    let text = key_text(body)?;
    let now = world.now();
    let mut state = world.state();
    let key = state.new_key(text, now);
    let row = key_row(&key);
    state.account_keys.push(key);
    Ok(Reply::ok(&json!({ "success": true, "key": row })))
}

pub(super) fn change_key(world: &World, id: u64, body: &Value) -> Result<Reply, Reply> {
    let text = key_text(body)?;
    let mut state = world.state();
    let key = state.account_keys.iter_mut().find(|key| key.id == id).ok_or_else(no_such_key)?;
    key.text = text;
    let row = key_row(key);
    Ok(Reply::ok(&json!({ "success": true, "key": row })))
}

pub(super) fn remove_key(world: &World, id: u64) -> Result<Reply, Reply> {
    let mut state = world.state();
    let before = state.account_keys.len();
    state.account_keys.retain(|key| key.id != id);
    if state.account_keys.len() == before { Err(no_such_key()) } else { Ok(Reply::done()) }
}

fn no_such_key() -> Reply {
    Reply::fail(StatusCode::NOT_FOUND, "not_found", "There is no such key.")
}

/// One row a machine, summed over the range; both ends of it are needed.
pub(super) fn charges(world: &World, asked: &Asked) -> Result<Reply, Reply> {
    let filters = asked.json("select_filters")?.unwrap_or_default();
    let bound = |op: &str| filters.get("day")?.get(op).and_then(number);
    let (Some(from), Some(until)) = (bound("gte"), bound("lte")) else {
        return Err(bad_request("day needs gte and lte"));
    };
    let limit = asked.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20);
    let limit = usize::min(limit, 500);
    let now = world.now();
    let second = |at: At| at.unix_ms() as f64 / 1e3;
    let state = world.state();
    let mut results: Vec<Value> = state
        .instances
        .values()
        .map(|one| (one, one.gone_at().map_or(now, |gone| gone.min(now))))
        .filter(|(one, end)| second(one.requested) <= until && second(*end) >= from)
        .map(|(one, end)| {
            let bill = state.bill(one, now);
            json!({
                "start": second(one.requested), "end": second(end), "type": "instance",
                "source": format!("instance-{}", one.id), "amount": bill.total().usd(),
                "metadata": { "label": one.label },
                "items": [
                    { "type": "gpu", "amount": bill.gpu.usd() },
                    { "type": "disk", "amount": bill.disk.usd() },
                    { "type": "bwd", "amount": bill.down.usd() },
                    { "type": "bwu", "amount": bill.up.usd() },
                ],
            })
        })
        .collect();
    if asked.query.get("latest_first").is_some_and(|value| value == "true") {
        results.reverse();
    }
    let total = results.len();
    let start = match asked.query.get("after_token") {
        Some(token) => token.parse().map_err(|_| bad_request("after_token is not valid"))?,
        None => 0,
    };
    let page: Vec<Value> = results.into_iter().skip(start).take(limit).collect();
    let reached = start.saturating_add(page.len());
    let next = (reached < total && !page.is_empty()).then(|| reached.to_string());
    Ok(Reply::ok(&json!({
        "success": true, "count": page.len(), "total": total, "next_token": next, "results": page,
    })))
}
