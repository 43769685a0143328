//! Searching offers (facts: vast.md §2). Filters go to the server with real
//! numbers, and every row is checked again here, because the server compares
//! prices before storage and returns storage offers among machines.

use std::collections::HashSet;

use futures::future::join_all;
use http::Method;
use model::{CloudId, HostId, Money, Offer, OfferFilter, OfferId, OwnerId, Rate, Verification};
use serde_json::{Map, Value, json};

use super::{Vast, not_understood};
use crate::answer::{id, number};
use crate::{CloudError, Found};

/// Rows a query returns at most, whatever limit it names.
const ROWS: usize = 64;
/// Hosts the server is asked to leave out; the rest is left out here.
const WITHOUT_HOSTS: usize = 200;
const NAME: usize = 80;

/// Orders, the most useful first.
const ORDERS: [[&str; 2]; 4] = [
    ["dph_total", "asc"],
    ["score", "desc"],
    ["inet_down", "desc"],
    ["dlperf_per_dphtotal", "desc"],
];

/// One query's answer.
#[derive(Debug, Default, PartialEq)]
struct Page {
    offers: Vec<Offer>,
    /// Rows of any kind.
    rows: u32,
    /// Rows that could not be read.
    unreadable: u32,
    /// The server held more.
    truncated: bool,
}

impl Vast {
    pub(super) async fn find(&self, filter: &OfferFilter) -> Result<Found, CloudError> {
        if !filter.clouds.is_empty() && !filter.clouds.contains(&CloudId::Vast) {
            return Ok(Found { emptied_by: Some("clouds"), ..Found::default() });
        }
        let mut page = self.merged(filter).await?;
        let mut emptied_by = None;
        if page.offers.is_empty() {
            emptied_by = filter.gpu.as_ref().map(|_| "gpu");
            let loose = model_only(filter);
            if loose != *filter || filter.disk_gb.is_some() {
                // The server does not say which filter removed the last offer,
                // so a sample of the market that passes the GPU's name alone
                // is asked for, and filtered here.
                let mut sample = query(&loose, ORDERS[0]);
                // The disk stays in the prices only.
                if let Some(filters) = sample.as_object_mut() {
                    filters.remove("disk_space");
                }
                page = self.ask(&sample, loose.disk_gb).await?;
            }
        }
        let Page { offers, rows, unreadable, truncated } = page;
        let (offers, last) = sieve(offers, filter);
        let emptied_by = last.or(emptied_by).filter(|_| offers.is_empty());
        Ok(Found { offers, rows, unreadable, truncated, emptied_by })
    }

    /// The first sorting, and the others when it was cut off.
    async fn merged(&self, filter: &OfferFilter) -> Result<Page, CloudError> {
        let mut all = self.query(filter, ORDERS[0]).await?;
        if !all.truncated {
            return Ok(all);
        }
        let more = ORDERS.iter().take(self.search.orders).skip(1).enumerate();
        let pages = join_all(more.map(|(index, order)| async move {
            tokio::time::sleep(self.search.spacing * index as u32).await;
            self.query(filter, *order).await
        }));
        let mut known: HashSet<OfferId> = all.offers.iter().map(|offer| offer.id.clone()).collect();
        for page in pages.await {
            // A sorting that fails leaves a smaller pool, which `truncated`
            // admits already.
            let Ok(page) = page else { continue };
            let before = all.offers.len();
            all.offers
                .extend(page.offers.into_iter().filter(|offer| known.insert(offer.id.clone())));
            all.rows += (all.offers.len() - before) as u32;
            all.truncated &= page.truncated;
        }
        Ok(all)
    }

    async fn query(&self, filter: &OfferFilter, order: [&str; 2]) -> Result<Page, CloudError> {
        self.ask(&query(filter, order), filter.disk_gb).await
    }

    async fn ask(&self, query: &Value, disk_gb: Option<u32>) -> Result<Page, CloudError> {
        let answer = self.call(Method::POST, "api/v0/bundles/", &[], Some(query)).await?;
        read(&answer, disk_gb)
    }
}

/// The same search without what the user can loosen, but for the GPU's name:
/// among the cheapest 64 of the whole market a rare model would never show.
fn model_only(filter: &OfferFilter) -> OfferFilter {
    OfferFilter { gpu: filter.gpu.clone(), disk_gb: filter.disk_gb, ..OfferFilter::default() }
}

fn query(filter: &OfferFilter, order: [&str; 2]) -> Value {
    let mut query = Map::new();
    let mut set = |field: &str, op: &str, value: Value| {
        query.insert(field.to_owned(), json!({ op: value }));
    };
    set("rentable", "eq", true.into());
    set("rented", "eq", false.into());
    set("external", "eq", false.into());
    match filter.num_gpus {
        Some(count) => set("num_gpus", "eq", count.into()),
        // Storage offers have none (§2.2).
        None => set("num_gpus", "gte", 1.into()),
    }
    if let Some(gpu) = &filter.gpu {
        set("gpu_name", "eq", gpu.as_str().into());
    }
    if filter.verified_only {
        set("verified", "eq", true.into());
    }
    if filter.datacenter_only {
        set("datacenter", "eq", true.into());
    }
    if filter.direct_only {
        set("direct_port_count", "gte", 1.into());
    }
    if filter.static_ip_only {
        set("static_ip", "eq", true.into());
    }
    if !filter.countries.is_empty() {
        set("geolocation", "in", json!(filter.countries));
    }
    let blocked: Vec<u64> = filter
        .without_hosts
        .iter()
        .filter_map(|host| host.as_str().parse().ok())
        .take(WITHOUT_HOSTS)
        .collect();
    if !blocked.is_empty() {
        set("machine_id", "notin", json!(blocked));
    }
    let mut least = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            set(field, "gte", value);
        }
    };
    least("gpu_ram", filter.min_gpu_ram_mb.map(Value::from));
    least("reliability", filter.min_reliability.map(Value::from));
    least("inet_down", filter.min_inet_down_mbps.map(Value::from));
    least("inet_up", filter.min_inet_up_mbps.map(Value::from));
    least("disk_space", filter.disk_gb.map(Value::from));
    least("disk_bw", filter.min_disk_bw_mb_s.map(Value::from));
    least("cpu_cores_effective", filter.min_cpu_cores.map(Value::from));
    least("cpu_ram", filter.min_cpu_ram_mb.map(Value::from));
    least("cuda_max_good", filter.min_cuda.map(Value::from));
    least("compute_cap", filter.min_compute_cap.map(Value::from));
    least("duration", filter.min_duration_s.map(Value::from));
    let mut most = |field: &str, usd: Option<f64>| {
        if let Some(usd) = usd {
            set(field, "lte", usd.into());
        }
    };
    most("dph_total", filter.max_price.map(Rate::usd_per_hour));
    most("inet_down_cost", filter.max_down_usd_micros_per_gb.map(|micros| micros as f64 / 1e6));

    query.insert("order".into(), json!([order]));
    query.insert("type".into(), "on-demand".into());
    query.insert("limit".into(), ROWS.into());
    if let Some(disk) = filter.disk_gb {
        query.insert("allocated_storage".into(), disk.into());
    }
    Value::Object(query)
}

/// Reads an answer; rows that cannot be read are counted and left out.
fn read(answer: &Value, disk_gb: Option<u32>) -> Result<Page, CloudError> {
    let rows = answer
        .get("offers")
        .and_then(Value::as_array)
        .ok_or_else(|| not_understood("the search answer has no list of offers"))?;
    let mut page = Page {
        rows: rows.len() as u32,
        truncated: answer.get("truncated").and_then(Value::as_bool).unwrap_or(rows.len() >= ROWS),
        ..Page::default()
    };
    let mut known = HashSet::new();
    for row in rows {
        if is_no_machine(row) {
            continue;
        }
        match offer(row, disk_gb) {
            Some(offer) if known.insert(offer.id.clone()) => page.offers.push(offer),
            Some(_) => {}
            None => page.unreadable += 1,
        }
    }
    Ok(page)
}

/// Storage offers, and rows that say themselves that they cannot be rented.
fn is_no_machine(row: &Value) -> bool {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let flag = |key: &str| row.get(key).and_then(Value::as_bool);
    text("resource_type").is_some_and(|kind| kind != "gpu")
        || row.get("num_gpus").and_then(number) == Some(0.0)
        || flag("rentable") == Some(false)
        || flag("rented") == Some(true)
}

/// An offer, if the row has what cannot be done without: id, GPU and price.
fn offer(row: &Value, disk_gb: Option<u32>) -> Option<Offer> {
    let row = row.as_object()?;
    let float = |key: &str| row.get(key).and_then(number);
    let least_zero = |key: &str| float(key).unwrap_or(0.0).max(0.0);
    let whole = |key: &str| least_zero(key) as u64;
    let text = |key: &str| model::clean(row.get(key).and_then(Value::as_str).unwrap_or(""), NAME);
    let micros = |key: &str| Money::from_usd(least_zero(key)).micros().unsigned_abs();

    let ask = row.get("ask_contract_id").and_then(id).or_else(|| row.get("id").and_then(id))?;
    let gpu = text("gpu_name");
    let num_gpus = float("num_gpus").filter(|count| *count >= 1.0)? as u32;
    let total = float("dph_total").filter(|usd| *usd >= 0.0)?;
    if gpu.is_empty() {
        return None;
    }
    let gpu_price = float("dph_base").filter(|usd| *usd >= 0.0).unwrap_or(total);
    let disk_cost = least_zero("storage_cost");
    // `dph_total` should hold the disk asked for. Should the server have
    // priced in another, the dearer figure is the honest one.
    let with_disk = gpu_price + disk_cost * f64::from(disk_gb.unwrap_or(0)) / 720.0;
    let price = Rate::from_usd_per_hour(total).max(Rate::from_usd_per_hour(with_disk));

    let location = text("geolocation");
    let cpu_cores = float("cpu_cores_effective")
        .or_else(|| Some(float("cpu_cores")? * float("gpu_frac").unwrap_or(1.0)));
    let verification = match row.get("verification").and_then(Value::as_str) {
        Some("verified") => Verification::Verified,
        Some("deverified") => Verification::Deverified,
        Some(_) => Verification::Unverified,
        None if row.get("verified").and_then(Value::as_bool) == Some(true) => {
            Verification::Verified
        }
        None => Verification::Unverified,
    };
    Some(Offer {
        cloud: CloudId::Vast,
        id: OfferId::new(ask.to_string()),
        host: row.get("machine_id").and_then(id).map(|id| HostId::new(id.to_string())),
        owner: row.get("host_id").and_then(id).map(|id| OwnerId::new(id.to_string())),
        gpu,
        num_gpus,
        gpu_ram_mb: whole("gpu_ram"),
        gpu_mem_bw_gb_s: least_zero("gpu_mem_bw"),
        compute_cap: whole("compute_cap") as u32,
        cuda_max: least_zero("cuda_max_good"),
        driver: text("driver_version"),
        dlperf: least_zero("dlperf"),
        tflops: least_zero("total_flops"),
        score: float("score").unwrap_or(0.0),
        price,
        gpu_price: Rate::from_usd_per_hour(gpu_price),
        disk_usd_micros_per_gb_month: micros("storage_cost"),
        down_usd_micros_per_gb: micros("inet_down_cost"),
        up_usd_micros_per_gb: micros("inet_up_cost"),
        inet_down_mbps: least_zero("inet_down"),
        inet_up_mbps: least_zero("inet_up"),
        disk_gb: least_zero("disk_space"),
        disk_bw_mb_s: least_zero("disk_bw"),
        cpu: text("cpu_name"),
        cpu_cores: cpu_cores.unwrap_or(0.0).max(0.0),
        cpu_ghz: least_zero("cpu_ghz"),
        cpu_arch: text("cpu_arch"),
        cpu_ram_mb: whole("cpu_ram"),
        pcie_bw_gb_s: least_zero("pcie_bw"),
        reliability: float("reliability2").or_else(|| float("reliability")).unwrap_or(0.0),
        verification,
        datacenter: float("hosting_type") == Some(1.0),
        country: country(&location),
        location,
        direct_ports: whole("direct_port_count") as u32,
        static_ip: row.get("static_ip").and_then(Value::as_bool) == Some(true),
        duration_s: whole("duration"),
    })
}

/// The two letters after the last comma: `Washington, US`.
fn country(location: &str) -> Option<String> {
    let code = location.rsplit(',').next()?.trim();
    (code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())).then(|| code.to_owned())
}

type Check = fn(&OfferFilter, &Offer) -> bool;

/// Every filter under the name of its field, the one users loosen first last.
const CHECKS: &[(&str, Check)] = &[
    ("gpu", |filter, offer| filter.gpu.as_ref().is_none_or(|gpu| *gpu == offer.gpu)),
    ("num_gpus", |filter, offer| filter.num_gpus.is_none_or(|count| count == offer.num_gpus)),
    ("min_gpu_ram_mb", |filter, offer| least(filter.min_gpu_ram_mb, offer.gpu_ram_mb)),
    ("min_compute_cap", |filter, offer| least(filter.min_compute_cap, offer.compute_cap)),
    ("min_cuda", |filter, offer| least(filter.min_cuda, offer.cuda_max)),
    ("verified_only", |filter, offer| {
        !filter.verified_only || offer.verification == Verification::Verified
    }),
    ("datacenter_only", |filter, offer| !filter.datacenter_only || offer.datacenter),
    ("direct_only", |filter, offer| !filter.direct_only || offer.direct_ports > 0),
    ("static_ip_only", |filter, offer| !filter.static_ip_only || offer.static_ip),
    ("countries", |filter, offer| {
        filter.countries.is_empty()
            || offer.country.as_ref().is_some_and(|code| filter.countries.contains(code))
    }),
    ("min_reliability", |filter, offer| least(filter.min_reliability, offer.reliability)),
    ("min_inet_down_mbps", |filter, offer| least(filter.min_inet_down_mbps, offer.inet_down_mbps)),
    ("min_inet_up_mbps", |filter, offer| least(filter.min_inet_up_mbps, offer.inet_up_mbps)),
    ("disk_gb", |filter, offer| least(filter.disk_gb.map(f64::from), offer.disk_gb)),
    ("min_disk_bw_mb_s", |filter, offer| least(filter.min_disk_bw_mb_s, offer.disk_bw_mb_s)),
    ("min_cpu_cores", |filter, offer| least(filter.min_cpu_cores, offer.cpu_cores)),
    ("min_cpu_ram_mb", |filter, offer| least(filter.min_cpu_ram_mb, offer.cpu_ram_mb)),
    ("min_duration_s", |filter, offer| least(filter.min_duration_s, offer.duration_s)),
    ("without_hosts", |filter, offer| {
        offer.host.as_ref().is_none_or(|host| !filter.without_hosts.contains(host))
    }),
    ("max_down_usd_micros_per_gb", |filter, offer| {
        filter.max_down_usd_micros_per_gb.is_none_or(|most| offer.down_usd_micros_per_gb <= most)
    }),
    ("max_price", |filter, offer| filter.max_price.is_none_or(|most| offer.price <= most)),
];

fn least<T: PartialOrd + Copy>(least: Option<T>, is: T) -> bool {
    least.is_none_or(|least| is >= least)
}

/// The offers that pass, and the filter that removed the last one, if any did.
fn sieve(mut offers: Vec<Offer>, filter: &OfferFilter) -> (Vec<Offer>, Option<&'static str>) {
    for (name, passes) in CHECKS {
        let before = offers.len();
        offers.retain(|offer| passes(filter, offer));
        if before > 0 && offers.is_empty() {
            return (offers, Some(name));
        }
    }
    (offers, None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::tests::{Canned, vast, vast_with};
    use super::*;
    use crate::{Cloud, CloudErrorKind, SearchOptions};

    fn row(id: u64) -> Value {
        json!({
            "id": id, "ask_contract_id": id, "machine_id": 40 + id, "host_id": 900,
            "gpu_name": "RTX 4090", "num_gpus": 1, "gpu_ram": 24564, "gpu_mem_bw": 900.5,
            "compute_cap": 890, "cuda_max_good": 12.8, "driver_version": "570.86.15",
            "dlperf": 100.0, "total_flops": 82.6, "score": 200.5,
            "dph_base": 0.4, "dph_total": 0.405, "storage_cost": 0.2,
            "inet_down_cost": 0.010_416_7, "inet_up_cost": 0.02, "inet_down": 900.0, "inet_up": 800.0,
            "disk_space": 500.0, "disk_bw": 3000.0, "cpu_name": "EPYC", "cpu_cores": 64,
            "cpu_cores_effective": 16.0, "cpu_ghz": 3.5, "cpu_arch": "amd64", "cpu_ram": 64000,
            "pcie_bw": 24.0, "reliability": 0.99, "reliability2": 0.995, "verification": "verified",
            "hosting_type": 1, "geolocation": "Washington, US", "direct_port_count": 20,
            "static_ip": true, "duration": 86400.5, "resource_type": "gpu",
            "rentable": true, "rented": false,
        })
    }

    fn with(mut row: Value, key: &str, value: Value) -> Value {
        row[key] = value;
        row
    }

    fn answer(rows: &[Value]) -> String {
        json!({ "offers": rows }).to_string()
    }

    #[test]
    fn units_are_as_vast_states_them() {
        let offer = offer(&row(7), Some(10)).unwrap();
        assert_eq!(offer.id, OfferId::new("7"));
        assert_eq!(offer.host, Some(HostId::new("47")));
        assert_eq!(offer.owner, Some(OwnerId::new("900")));
        assert_eq!(offer.price, Rate::from_micros_per_hour(405_000));
        assert_eq!(offer.gpu_price, Rate::from_micros_per_hour(400_000));
        assert_eq!(offer.disk_usd_micros_per_gb_month, 200_000);
        assert_eq!(offer.down_usd_micros_per_gb, 10_417);
        assert_eq!(offer.download_cost(1.0), Money::from_micros(10_417));
        assert_eq!(offer.country.as_deref(), Some("US"));
        assert_eq!(offer.duration_s, 86_400);
        assert_eq!(offer.verification, Verification::Verified);
        assert!(offer.datacenter && offer.static_ip);
    }

    #[test]
    fn a_price_without_the_disk_asked_for_is_corrected() {
        // 0.4 + 360 GB × 0.2 / 720 h
        assert_eq!(offer(&row(7), Some(360)).unwrap().price, Rate::from_micros_per_hour(500_000));
    }

    #[test]
    fn numbers_that_are_missing_null_or_text_are_tolerated() {
        let mut odd = row(7);
        for key in ["cpu_cores_effective", "inet_up", "score", "hosting_type", "machine_id"] {
            odd[key] = Value::Null;
        }
        odd.as_object_mut().unwrap().remove("reliability2");
        odd["dph_total"] = json!("0.5");
        odd["ask_contract_id"] = json!("7");
        odd["gpu_frac"] = json!(0.25);
        odd["geolocation"] = json!("somewhere");
        let offer = offer(&odd, None).unwrap();
        assert!((offer.cpu_cores - 16.0).abs() < 1e-9);
        assert!((offer.reliability - 0.99).abs() < 1e-9);
        assert_eq!(offer.price, Rate::from_micros_per_hour(500_000));
        assert_eq!((offer.host, offer.country, offer.datacenter), (None, None, false));
    }

    #[test]
    fn rows_without_id_gpu_or_price_are_counted_and_left_out() {
        let rows = vec![
            row(1),
            with(row(2), "dph_total", Value::Null),
            with(row(3), "dph_total", json!(-1)),
            with(row(4), "gpu_name", json!("")),
            with(row(5), "num_gpus", json!("many")),
            with(with(row(6), "ask_contract_id", json!("x")), "id", json!(-6)),
            json!(7),
            Value::Null,
            row(1),
        ];
        let page = read(&json!({ "offers": rows }), None).unwrap();
        assert_eq!((page.rows, page.unreadable, page.offers.len()), (9, 7, 1));
    }

    #[test]
    fn storage_offers_and_rented_ones_are_no_machines() {
        let rows = vec![
            with(row(1), "resource_type", json!("disk")),
            with(row(2), "num_gpus", json!(0)),
            with(row(3), "rentable", json!(false)),
            with(row(4), "rented", json!(true)),
            with(row(5), "rented", Value::Null),
        ];
        let page = read(&json!({ "offers": rows }), None).unwrap();
        assert_eq!((page.unreadable, page.offers.len()), (0, 1));
    }

    #[test]
    fn an_answer_without_a_list_is_not_understood() {
        for odd in [json!({}), json!({ "offers": {} }), json!([]), json!(null)] {
            assert_eq!(read(&odd, None).unwrap_err().kind, CloudErrorKind::NotUnderstood);
        }
    }

    #[tokio::test]
    async fn every_filter_goes_to_the_server() {
        let filter = OfferFilter {
            gpu: Some("RTX 4090".into()),
            num_gpus: Some(2),
            min_gpu_ram_mb: Some(24_000),
            max_price: Some(Rate::from_micros_per_hour(600_000)),
            max_down_usd_micros_per_gb: Some(20_000),
            min_reliability: Some(0.95),
            min_inet_down_mbps: Some(480.0),
            min_inet_up_mbps: Some(100.0),
            disk_gb: Some(40),
            min_disk_bw_mb_s: Some(1000.0),
            min_cpu_cores: Some(8.0),
            min_cpu_ram_mb: Some(32_000),
            min_cuda: Some(12.4),
            min_compute_cap: Some(890),
            min_duration_s: Some(3600),
            countries: vec!["US".into(), "CA".into()],
            verified_only: true,
            datacenter_only: true,
            direct_only: true,
            static_ip_only: true,
            without_hosts: vec![HostId::new("77"), HostId::new("no number")],
            clouds: vec![CloudId::Vast],
        };
        let http = Canned::of([(200, answer(&[])), (200, answer(&[]))]);
        vast(&http).search(&filter).await.unwrap();
        assert!(http.asked()[0].starts_with("POST /api/v0/bundles/ {"));
        assert_eq!(
            http.body(0),
            json!({
                "rentable": { "eq": true }, "rented": { "eq": false }, "external": { "eq": false },
                "verified": { "eq": true }, "datacenter": { "eq": true }, "static_ip": { "eq": true },
                "gpu_name": { "eq": "RTX 4090" }, "num_gpus": { "eq": 2 }, "gpu_ram": { "gte": 24000 },
                "dph_total": { "lte": 0.6 }, "inet_down_cost": { "lte": 0.02 },
                "reliability": { "gte": 0.95 }, "inet_down": { "gte": 480.0 },
                "inet_up": { "gte": 100.0 }, "disk_space": { "gte": 40 }, "disk_bw": { "gte": 1000.0 },
                "cpu_cores_effective": { "gte": 8.0 }, "cpu_ram": { "gte": 32000 },
                "cuda_max_good": { "gte": 12.4 }, "compute_cap": { "gte": 890 },
                "duration": { "gte": 3600 }, "geolocation": { "in": ["US", "CA"] },
                "direct_port_count": { "gte": 1 }, "machine_id": { "notin": [77] },
                "order": [["dph_total", "asc"]], "type": "on-demand", "limit": 64,
                "allocated_storage": 40,
            })
        );
    }

    #[tokio::test]
    async fn the_filter_that_removed_the_last_offer_is_named() {
        let empty = || answer(&[]);
        let sample = || answer(&[row(1), with(row(2), "dph_base", json!(0.9))]);
        let ask = async |filter: OfferFilter, first: String, second: String| {
            let http = Canned::of([(200, first), (200, second)]);
            let found = vast(&http).search(&filter).await.unwrap();
            assert!(found.offers.is_empty());
            (found.emptied_by, http.asked().len())
        };
        let cheap = || OfferFilter {
            gpu: Some("RTX 4090".into()),
            max_price: Some(Rate::from_usd_per_hour(0.1)),
            ..OfferFilter::default()
        };
        // The server let rows through that are too dear here.
        assert_eq!(ask(cheap(), sample(), empty()).await, (Some("max_price"), 1));
        // The server returned nothing; the sample tells why.
        assert_eq!(ask(cheap(), empty(), sample()).await, (Some("max_price"), 2));
        assert_eq!(ask(cheap(), empty(), empty()).await, (Some("gpu"), 2));
        let eight = OfferFilter { num_gpus: Some(8), ..cheap() };
        assert_eq!(ask(eight, empty(), sample()).await, (Some("num_gpus"), 2));
        let large = OfferFilter { disk_gb: Some(9_000), ..OfferFilter::default() };
        assert_eq!(ask(large, empty(), sample()).await, (Some("disk_gb"), 2));
        assert_eq!(ask(OfferFilter::default(), empty(), empty()).await, (None, 1));
        let elsewhere = OfferFilter { clouds: vec![CloudId::Runpod], ..OfferFilter::default() };
        assert_eq!(ask(elsewhere, empty(), empty()).await, (Some("clouds"), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn further_orders_are_asked_only_when_the_first_was_cut_off() {
        let page = |from: u64| (200, answer(&(from..from + 64).map(row).collect::<Vec<_>>()));
        let http = Canned::of([page(1), page(33), (200, answer(&[row(65), row(200)]))]);
        let found = vast(&http).search(&OfferFilter::default()).await.unwrap();
        assert_eq!(found.offers.len(), 97);
        assert_eq!(found.rows, 97);
        assert!(!found.truncated, "the third answer held all its rows");
        let orders: Vec<_> = (0..3).map(|index| http.body(index)["order"][0][0].clone()).collect();
        assert_eq!(orders, ["dph_total", "score", "inet_down"]);

        let http = Canned::of([page(1), (500, String::new())]);
        let options = SearchOptions { orders: 2, spacing: Duration::ZERO };
        let found = vast_with(&http, options).search(&OfferFilter::default()).await.unwrap();
        assert_eq!((found.offers.len(), found.truncated), (64, true));

        let http = Canned::of([page(1)]);
        let options = SearchOptions { orders: 1, spacing: Duration::ZERO };
        assert!(vast_with(&http, options).search(&OfferFilter::default()).await.unwrap().truncated);
    }

    #[test]
    fn the_server_itself_says_whether_it_held_more() {
        let answer = json!({ "offers": [row(1)], "truncated": true });
        assert!(read(&answer, None).unwrap().truncated);
        let rows: Vec<_> = (1..=64).map(row).collect();
        assert!(read(&json!({ "offers": rows }), None).unwrap().truncated);
        assert!(!read(&json!({ "offers": rows, "truncated": false }), None).unwrap().truncated);
    }

    fn field() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            Just(json!([])),
            Just(json!({})),
        ]
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(
            changes in proptest::collection::vec((0usize..64, field()), 0..12),
            disk in proptest::option::of(any::<u32>()),
        ) {
            let mut odd = row(7);
            let keys: Vec<String> = odd.as_object().unwrap().keys().cloned().collect();
            for (index, value) in changes {
                odd[&keys[index % keys.len()]] = value;
            }
            let page = read(&json!({ "offers": [odd] }), disk).unwrap();
            for offer in &page.offers {
                prop_assert!(offer.num_gpus >= 1 && !offer.gpu.is_empty());
            }
            sieve(page.offers, &OfferFilter::default());
        }
    }
}
