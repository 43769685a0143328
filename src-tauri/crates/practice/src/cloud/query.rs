//! Vast's search language as its server understands it: filters of
//! `{"field": {"op": value}}`, numbers that come as text, unknown fields
//! refused (facts: vast.md §2.2). Pure.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// A row as the API shows it.
pub(super) type Row = Map<String, Value>;

/// Fields the official client can filter by, and those others were seen to.
const FIELDS: &[&str] = &[
    "ask_contract_id",
    "bundle_id",
    "bw_nvlink",
    "cluster_id",
    "compute_cap",
    "cpu_arch",
    "cpu_cores",
    "cpu_cores_effective",
    "cpu_ghz",
    "cpu_ram",
    "cuda_max_good",
    "datacenter",
    "direct_port_count",
    "disk_bw",
    "disk_space",
    "dlperf",
    "dlperf_per_dphtotal",
    "dph_total",
    "driver_version",
    "duration",
    "external",
    "flops_per_dphtotal",
    "geolocation",
    "gpu_arch",
    "gpu_display_active",
    "gpu_frac",
    "gpu_max_power",
    "gpu_max_temp",
    "gpu_mem_bw",
    "gpu_name",
    "gpu_ram",
    "gpu_total_ram",
    "has_avx",
    "host_id",
    "id",
    "inet_down",
    "inet_down_cost",
    "inet_up",
    "inet_up_cost",
    "machine_id",
    "min_bid",
    "mobo_name",
    "num_gpus",
    "pci_gen",
    "pcie_bw",
    "reliability",
    "reliability2",
    "rentable",
    "rented",
    "resource_type",
    "score",
    "static_ip",
    "storage_cost",
    "total_flops",
    "ubuntu_version",
    "verification",
    "verified",
    "vms_enabled",
];

/// Keys that steer instead of filter.
const CONTROLS: &[&str] = &[
    "allocated_storage",
    "disable_bundling",
    "extra_ids",
    "gpu_option",
    "limit",
    "order",
    "show_incompatible",
    "sort_option",
    "target_reliability",
    "template_id",
    "type",
];

/// Rows an answer has at most, whatever the limit says.
const ROWS: usize = 64;
/// Disk that is priced in when the search says nothing.
const DEFAULT_STORAGE_GB: f64 = 8.0;

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    filters: Vec<Filter>,
    order: Vec<(String, bool)>,
    limit: usize,
    /// Disk to price in.
    pub storage_gb: f64,
    /// Interruptible offers.
    pub bid: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Filter {
    field: String,
    op: Op,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    NotIn,
}

impl Op {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "in" => Self::In,
            "notin" => Self::NotIn,
            _ => return None,
        })
    }
}

impl Query {
    /// Reads a search; the error is the message of the 400.
    pub fn read(json: &Value) -> Result<Self, String> {
        let object = json.as_object().ok_or("the search is no object")?;
        let mut filters = Vec::new();
        for (field, ops) in object {
            if CONTROLS.contains(&field.as_str()) {
                continue;
            }
            if !FIELDS.contains(&field.as_str()) {
                return Err(format!("{field} is not a valid search key"));
            }
            read_ops(field, ops, &mut filters)?;
        }
        let order = match object.get("order") {
            None | Some(Value::Null) => vec![("score".to_owned(), true)],
            Some(order) => read_order(order)?,
        };
        let kind = object.get("type").and_then(Value::as_str).unwrap_or("on-demand");
        if !matches!(kind, "on-demand" | "ondemand" | "ask" | "bid" | "interruptible" | "reserved")
        {
            return Err(format!("{kind} is not a valid type"));
        }
        let whole = |key: &str| object.get(key).and_then(number);
        Ok(Self {
            filters,
            order,
            limit: whole("limit").map_or(ROWS, |limit| (limit.max(1.0) as usize).min(ROWS)),
            storage_gb: whole("allocated_storage").unwrap_or(DEFAULT_STORAGE_GB).max(0.0),
            bid: matches!(kind, "bid" | "interruptible"),
        })
    }

    /// The rows of the answer, and whether there were more.
    pub fn run(&self, rows: impl Iterator<Item = Row>) -> (Vec<Row>, bool) {
        let mut rows: Vec<Row> =
            rows.filter(|row| self.filters.iter().all(|filter| filter.passes(row))).collect();
        rows.sort_by(|a, b| {
            let by = |(field, down): &(String, bool)| {
                let order = compare(a.get(field), b.get(field));
                if *down { order.reverse() } else { order }
            };
            self.order.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        let truncated = rows.len() > self.limit;
        rows.truncate(self.limit);
        (rows, truncated)
    }
}

/// Whether a stored row passes `{"field": {"op": value}}` filters; for lists
/// of machines. The error is the message of the 400.
pub(super) fn passes_all(row: &Row, filters: &Value, fields: &[&str]) -> Result<bool, String> {
    let mut read = Vec::new();
    for (field, ops) in filters.as_object().ok_or("select_filters is no object")? {
        if !fields.contains(&field.as_str()) {
            return Err(format!("{field} cannot be filtered"));
        }
        read_ops(field, ops, &mut read)?;
    }
    Ok(read.iter().all(|filter| filter.passes(row)))
}

fn read_ops(field: &str, ops: &Value, into: &mut Vec<Filter>) -> Result<(), String> {
    let ops = ops.as_object().ok_or_else(|| format!("{field} has no operators"))?;
    for (name, value) in ops {
        let op = Op::named(name).ok_or_else(|| format!("{name} is not a valid operator"))?;
        if matches!(op, Op::In | Op::NotIn) && !value.is_array() {
            return Err(format!("{field} {name} takes a list"));
        }
        into.push(Filter { field: field.to_owned(), op, value: value.clone() });
    }
    Ok(())
}

fn read_order(order: &Value) -> Result<Vec<(String, bool)>, String> {
    let keys = order.as_array().ok_or("order is no list")?;
    keys.iter()
        .map(|key| {
            let field = key.get(0).and_then(Value::as_str).ok_or("order has no field")?;
            let down = key.get(1).and_then(Value::as_str) == Some("desc");
            if FIELDS.contains(&field) {
                Ok((field.to_owned(), down))
            } else {
                Err(format!("{field} is not a valid search key"))
            }
        })
        .collect()
}

impl Filter {
    fn passes(&self, row: &Row) -> bool {
        // Prices are compared without storage, so answers can pass a cap (§2.2).
        let field = if self.field == "dph_total" { "dph_base" } else { &self.field };
        let is = row.get(field).unwrap_or(&Value::Null);
        let one_of = || {
            self.value.as_array().is_some_and(|list| list.iter().any(|one| same(field, is, one)))
        };
        match self.op {
            Op::Eq => same(field, is, &self.value),
            Op::Neq => !same(field, is, &self.value),
            Op::In => one_of(),
            Op::NotIn => !one_of(),
            Op::Gt => ordered(is, &self.value).is_some_and(Ordering::is_gt),
            Op::Gte => ordered(is, &self.value).is_some_and(Ordering::is_ge),
            Op::Lt => ordered(is, &self.value).is_some_and(Ordering::is_lt),
            Op::Lte => ordered(is, &self.value).is_some_and(Ordering::is_le),
        }
    }
}

/// Equality with the row's own type deciding how text is read.
fn same(field: &str, is: &Value, asked: &Value) -> bool {
    match is {
        Value::Bool(is) => match asked {
            Value::String(text) => text.eq_ignore_ascii_case(if *is { "true" } else { "false" }),
            other => other.as_bool() == Some(*is),
        },
        Value::Number(_) => ordered(is, asked).is_some_and(Ordering::is_eq),
        // Places are asked for by country: `US` for `Washington, US`.
        Value::String(is) if field == "geolocation" => asked.as_str().is_some_and(|asked| {
            is == asked || is.rsplit(", ").next().is_some_and(|country| country == asked)
        }),
        Value::String(is) => asked.as_str() == Some(is),
        other => other == asked,
    }
}

fn ordered(is: &Value, asked: &Value) -> Option<Ordering> {
    number(is)?.partial_cmp(&number(asked)?)
}

/// Sorting: numbers, then text, then what is neither.
pub(super) fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.and_then(Value::as_str).cmp(&b.and_then(Value::as_str)),
    }
}

/// A number, also one that comes as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(price: f64, more: &Value) -> Row {
        let mut row = json!({
            "id": 1, "dph_base": price, "dph_total": price + 0.1, "num_gpus": 1,
            "gpu_name": "RTX 4090", "geolocation": "Washington, US", "verified": true,
            "external": null, "score": 10.0 - price,
        });
        for (key, value) in more.as_object().unwrap() {
            row[key] = value.clone();
        }
        row.as_object().unwrap().clone()
    }

    fn passes(query: &Value) -> bool {
        let query = Query::read(query).unwrap();
        query.run(std::iter::once(row(0.4, &json!({})))).0.len() == 1
    }

    #[test]
    fn numbers_come_as_text_too() {
        assert!(passes(&json!({ "num_gpus": { "eq": "1" } })));
        assert!(passes(&json!({ "num_gpus": { "gte": "1", "lt": 2 } })));
        assert!(!passes(&json!({ "num_gpus": { "gt": "1.0" } })));
        assert!(!passes(&json!({ "num_gpus": { "eq": "many" } })));
        assert!(passes(&json!({ "verified": { "eq": "True" } })));
        assert!(!passes(&json!({ "verified": { "eq": false } })));
    }

    #[test]
    fn a_model_is_matched_exactly_and_a_place_by_its_country() {
        assert!(passes(&json!({ "gpu_name": { "eq": "RTX 4090" } })));
        assert!(!passes(&json!({ "gpu_name": { "eq": "RTX_4090" } })));
        assert!(passes(&json!({ "gpu_name": { "in": ["RTX 3090", "RTX 4090"] } })));
        assert!(passes(&json!({ "geolocation": { "in": ["CA", "US"] } })));
        assert!(!passes(&json!({ "geolocation": { "notin": ["US"] } })));
        assert!(!passes(&json!({ "geolocation": { "eq": "Washington" } })));
    }

    #[test]
    fn a_price_cap_is_compared_without_storage() {
        assert!(passes(&json!({ "dph_total": { "lte": 0.4 } })));
        assert!(!passes(&json!({ "dph_total": { "lte": 0.39 } })));
    }

    #[test]
    fn what_is_null_passes_no_comparison() {
        assert!(!passes(&json!({ "external": { "eq": false } })));
        assert!(passes(&json!({ "external": { "neq": true } })));
        assert!(!passes(&json!({ "inet_down": { "gte": 0 } })));
    }

    #[test]
    fn unknown_words_are_refused() {
        for (query, words) in [
            (json!({ "inet_dwon": { "gte": 1 } }), "inet_dwon is not a valid search key"),
            (json!({ "inet_down": { "ge": 1 } }), "ge is not a valid operator"),
            (json!({ "inet_down": 4 }), "inet_down has no operators"),
            (json!({ "machine_id": { "in": 4 } }), "machine_id in takes a list"),
            (json!({ "order": [["nonsense", "asc"]] }), "nonsense is not a valid search key"),
            (json!({ "order": "score" }), "order is no list"),
            (json!({ "type": "free" }), "free is not a valid type"),
            (json!([]), "the search is no object"),
        ] {
            assert_eq!(Query::read(&query).unwrap_err(), words);
        }
    }

    #[test]
    fn rows_are_sorted_and_cut_off_at_64() {
        let rows = || (0..100).map(|index| row(f64::from(index) / 100.0, &json!({ "id": index })));
        let run = |query: Value| {
            let (rows, truncated) = Query::read(&query).unwrap().run(rows());
            (rows[0]["id"].as_u64().unwrap(), rows.len(), truncated)
        };
        assert_eq!(run(json!({})), (0, 64, true));
        assert_eq!(run(json!({ "limit": "5", "order": [["dph_total", "desc"]] })), (99, 5, true));
        assert_eq!(run(json!({ "limit": 500, "dph_total": { "lt": 0.3 } })), (0, 30, false));
    }
}
