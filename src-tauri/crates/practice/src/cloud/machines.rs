//! Rented machines through the practice API (facts: vast.md §4, §5, §6).

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::api::{Asked, bad_request};
use super::instance::BootKind;
use super::market::ids;
use super::query::{Row, compare, number, passes_all};
use super::reply::Reply;
use super::rows::{self, STORED};
use super::script::Fate;
use super::world::{State, World};
use model::At;

/// Rows a page at most, and what a senseless limit becomes (§4.1).
const PAGE: usize = 25;
const SMALL_PAGE: usize = 5;
const LONGEST_LABEL: usize = 1_024;
const LONGEST_COMMAND: usize = 512;
/// Results of logs and commands that are kept.
const RESULTS: usize = 50;

fn row(state: &State, id: u64, now: At) -> Option<Row> {
    let instance = state.instances.get(&id)?;
    let listed = instance.is_listed(now, state.script.destroy_lag_ms);
    let down = instance.metered_down(now, state.script.metered_pull_gb);
    listed.then(|| rows::machine(instance, now, down, state.credit(now).usd()))
}

fn all_rows(state: &State, now: At) -> Vec<Row> {
    state.instances.keys().filter_map(|id| row(state, *id, now)).collect()
}

pub(super) fn list(world: &World, asked: &Asked) -> Result<Reply, Reply> {
    let now = world.now();
    let filters = asked.json("select_filters")?.unwrap_or_else(|| json!({}));
    let order = asked.json("order_by")?.unwrap_or_else(|| json!([]));
    let columns = asked.json("select_cols")?;
    let limit = match asked.query.get("limit").map(|limit| limit.parse::<i64>()) {
        None => PAGE,
        Some(Ok(limit)) if limit >= 1 => (limit.unsigned_abs() as usize).min(PAGE),
        Some(_) => SMALL_PAGE,
    };

    let mut rows = all_rows(&world.state(), now);
    let mut passed = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        if passes_all(&row, &filters, STORED).map_err(|words| bad_request(&words))? {
            passed.push(row);
        }
    }
    // Also without a row to show it on.
    passes_all(&Row::new(), &filters, STORED).map_err(|words| bad_request(&words))?;
    sort(&mut passed, &order)?;

    let total = passed.len();
    let mut labels: BTreeMap<String, u32> = BTreeMap::new();
    for row in &passed {
        let label = row.get("label").and_then(Value::as_str).unwrap_or_default();
        *labels.entry(label.to_owned()).or_default() += 1;
    }
    let start = match asked.query.get("after_token") {
        None => 0,
        Some(token) => {
            let last = token_id(token).ok_or_else(|| bad_request("after_token is not valid"))?;
            let after = |row: &Row| row.get("id").and_then(Value::as_u64) > Some(last);
            // The page's last row may be gone by now.
            passed
                .iter()
                .position(|row| row.get("id").and_then(Value::as_u64) == Some(last))
                .map(|found| found + 1)
                .or_else(|| passed.iter().position(after))
                .unwrap_or(total)
        }
    };
    let page: Vec<Row> = passed.into_iter().skip(start).take(limit).collect();
    let last = page.last().and_then(|row| row.get("id")).and_then(Value::as_u64);
    let next = last.filter(|_| start + page.len() < total).map(|id| format!("after-{id}"));
    let page: Vec<Row> = page.into_iter().map(|row| selected(row, columns.as_ref())).collect();
    Ok(Reply::ok(&json!({
        "success": true, "instances_found": page.len(), "total_instances": total,
        "label_counts": labels, "next_token": next, "instances": page,
    })))
}

fn token_id(token: &str) -> Option<u64> {
    token.strip_prefix("after-")?.parse().ok()
}

fn sort(rows: &mut [Row], order: &Value) -> Result<(), Reply> {
    let keys = order.as_array().ok_or_else(|| bad_request("order_by is no list"))?;
    let mut by = Vec::new();
    for key in keys {
        let column = key.get("col").and_then(Value::as_str).unwrap_or_default();
        if !STORED.contains(&column) {
            return Err(bad_request(&format!("{column} cannot be sorted by")));
        }
        by.push((column, key.get("dir").and_then(Value::as_str) == Some("desc")));
    }
    by.push(("id", false));
    rows.sort_by(|a, b| {
        let orders = by.iter().map(|(column, down)| {
            let order = compare(a.get(*column), b.get(*column));
            if *down { order.reverse() } else { order }
        });
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    Ok(())
}

fn selected(mut row: Row, columns: Option<&Value>) -> Row {
    if let Some(columns) = columns.and_then(Value::as_array) {
        let wanted = |key: &str| columns.iter().any(|column| column == key || column == "*");
        row.retain(|key, _| wanted(key));
    }
    row
}

pub(super) fn filters(world: &World) -> Reply {
    let now = world.now();
    let mut combinations: Vec<Value> = Vec::new();
    for row in all_rows(&world.state(), now) {
        let one = json!({
            "actual_status": row["actual_status"], "gpu_name": row["gpu_name"],
            "verification": row["verification"],
        });
        if !combinations.contains(&one) {
            combinations.push(one);
        }
    }
    Reply::ok(&json!({ "filters": combinations }))
}

pub(super) fn show(world: &World, id: u64) -> Reply {
    let row = row(&world.state(), id, world.now());
    Reply::ok(&json!({ "instances": row }))
}

/// Label, start or stop.
pub(super) fn change(world: &World, id: u64, body: &Value) -> Result<Reply, Reply> {
    if let Some(label) = body.get("label") {
        return set_label(world, id, label);
    }
    match body.get("state").and_then(Value::as_str) {
        Some("running") => start(world, id),
        Some("stopped") => stop(world, id),
        _ => Err(Reply::bad("neither a label nor a state")),
    }
}

pub(super) fn change_many(world: &World, body: &Value) -> Result<Reply, Reply> {
    for id in ids(body, "ids")? {
        change(world, id, body)?;
    }
    Ok(Reply::done())
}

fn set_label(world: &World, id: u64, label: &Value) -> Result<Reply, Reply> {
    let label = label.as_str().ok_or_else(|| Reply::bad("label is no text"))?;
    if label.chars().count() > LONGEST_LABEL {
        let words = "The label is too long.";
        return Err(Reply::fail(StatusCode::BAD_REQUEST, "label_too_long", words));
    }
    let now = world.now();
    world
        .state()
        .alive(id, now)
        .map(|one| one.label = Some(label.to_owned()).filter(|label| !label.is_empty()))
        .ok_or_else(|| Reply::no_such_instance(id))?;
    world.changed();
    Ok(Reply::done())
}

/// A machine the cloud stopped does not come back; the answer is 200 all the
/// same (§4.3).
fn start(world: &World, id: u64) -> Result<Reply, Reply> {
    let now = world.now();
    let mut state = world.state();
    let instance = state.alive(id, now).ok_or_else(|| Reply::no_such_instance(id))?;
    let fate = &instance.host.script.fate;
    let hopeless = matches!(fate, Fate::NeverStarts | Fate::RefusedButRented | Fate::Stops { .. });
    if hopeless || instance.gpus.is_empty() {
        return Ok(Reply::fail(
            StatusCode::OK,
            "resources_unavailable",
            "Required resources are currently unavailable, state change queued.",
        ));
    }
    if instance.stopped.is_some() {
        state.boot(id, now, BootKind::Again);
        drop(state);
        world.changed();
    }
    Ok(Reply::done())
}

fn stop(world: &World, id: u64) -> Result<Reply, Reply> {
    if world.stop(id) { Ok(Reply::done()) } else { Err(Reply::no_such_instance(id)) }
}

pub(super) fn destroy(world: &World, id: u64) -> Result<Reply, Reply> {
    if world.destroy(id) {
        return Ok(Reply::done());
    }
    // One that is on its way out already is destroyed once more (§6).
    let now = world.now();
    let leaving = row(&world.state(), id, now).is_some();
    if leaving { Ok(Reply::done()) } else { Err(Reply::no_such_instance(id)) }
}

/// Destroys those that exist; only if none does, it says so.
pub(super) fn destroy_many(world: &World, body: &Value) -> Result<Reply, Reply> {
    let ids = ids(body, "instance_ids")?;
    let mut missing = Err(Reply::bad("instance_ids is empty"));
    for id in ids {
        let one = destroy(world, id);
        if missing.is_err() {
            missing = one;
        }
    }
    missing
}

pub(super) fn reboot(world: &World, id: u64) -> Result<Reply, Reply> {
    boot(world, id, BootKind::Reboot)
}

pub(super) fn recycle(world: &World, id: u64) -> Result<Reply, Reply> {
    boot(world, id, BootKind::Again)
}

fn boot(world: &World, id: u64, kind: BootKind) -> Result<Reply, Reply> {
    let now = world.now();
    if !world.state().boot(id, now, kind) {
        return Err(Reply::no_such_instance(id));
    }
    world.changed();
    Ok(Reply::done())
}

pub(super) fn bid(world: &World, id: u64, body: &Value) -> Result<Reply, Reply> {
    let price = body.get("price").and_then(number).filter(|price| (0.001..=128.0).contains(price));
    let price = price.ok_or_else(|| {
        Reply::fail(StatusCode::BAD_REQUEST, "invalid_price", "price is out of range")
    })?;
    let now = world.now();
    world
        .state()
        .alive(id, now)
        .map(|one| one.bid = one.bid.map(|_| price))
        .ok_or_else(|| Reply::no_such_instance(id))?;
    Ok(Reply::done())
}

/// The text comes from an address of its own, without a key (§6).
fn publish(world: &World, asked: &Asked, text: String) -> Reply {
    let mut state = world.state();
    let token = state.results.last_key_value().map_or(1, |(token, _)| token + 1);
    state.results.insert(token, text);
    if state.results.len() > RESULTS {
        state.results.pop_first();
    }
    let url = format!("{}/results/{token}", asked.base);
    Reply::ok(&json!({ "success": true, "result_url": url, "msg": "The result will be there." }))
}

pub(super) fn logs(world: &World, id: u64, asked: &Asked) -> Result<Reply, Reply> {
    let now = world.now();
    let life = {
        let state = world.state();
        let instance = state.instances.get(&id).filter(|one| one.is_alive(now));
        instance.ok_or_else(|| Reply::no_such_instance(id))?.life(now)
    };
    let mut lines = vec![
        format!("practice instance {id}"),
        format!("status: {}", life.status.unwrap_or("none")),
    ];
    lines.extend(life.message.map(|message| message.trim_end().to_owned()));
    let tail = asked.body.get("tail").and_then(number).map_or(lines.len(), |tail| tail as usize);
    let text = lines.split_off(lines.len().saturating_sub(tail)).join("\n");
    Ok(publish(world, asked, text + "\n"))
}

/// Only ls, rm and du, on at most 512 characters; nothing is carried out.
pub(super) fn execute(world: &World, id: u64, asked: &Asked) -> Result<Reply, Reply> {
    let command = asked.body.get("command").and_then(Value::as_str).unwrap_or_default();
    let program = command.split_whitespace().next().unwrap_or_default();
    if command.len() > LONGEST_COMMAND || !matches!(program, "ls" | "rm" | "du") {
        return Err(Reply::bad("only ls, rm and du can be executed"));
    }
    if !world.state().instances.get(&id).is_some_and(|one| one.is_alive(world.now())) {
        return Err(Reply::no_such_instance(id));
    }
    Ok(publish(world, asked, String::new()))
}

pub(super) fn result(world: &World, token: u64) -> Result<Reply, Reply> {
    let text = world.state().results.get(&token).cloned();
    text.map(|text| Reply::text(StatusCode::OK, text))
        .ok_or_else(|| Reply::text(StatusCode::NOT_FOUND, "not there"))
}

pub(super) fn keys(world: &World, id: u64) -> Result<Reply, Reply> {
    let now = world.now();
    let mut state = world.state();
    let instance = state.alive(id, now).ok_or_else(|| Reply::no_such_instance(id))?;
    let keys: Vec<Value> = instance
        .keys
        .iter()
        .map(|key| json!({ "id": key.id, "public_key": key.text, "ssh_key": key.text }))
        .collect();
    Ok(Reply::ok(&json!({ "success": true, "ssh_keys": keys })))
}

pub(super) fn attach(world: &World, id: u64, body: &Value) -> Result<Reply, Reply> {
    let text = body.get("ssh_key").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if !text.starts_with("ssh-") && !text.starts_with("ecdsa-") {
        return Err(Reply::bad("ssh_key is no public key"));
    }
    let now = world.now();
    let mut state = world.state();
    let key = state.new_key(text.to_owned(), now);
    let instance = state.alive(id, now).ok_or_else(|| Reply::no_such_instance(id))?;
    if !instance.keys.iter().any(|known| known.text == key.text) {
        instance.keys.push(key);
    }
    drop(state);
    world.changed();
    Ok(Reply::ok(&json!({ "success": true, "msg": "SSH key attached successfully" })))
}

pub(super) fn detach(world: &World, id: u64, key: u64) -> Result<Reply, Reply> {
    let now = world.now();
    world
        .state()
        .alive(id, now)
        .map(|one| one.keys.retain(|known| known.id != key))
        .ok_or_else(|| Reply::no_such_instance(id))?;
    world.changed();
    Ok(Reply::done())
}
