//! Offers and machines as the API shows them: the field names, types and units
//! of facts: vast.md §2.3 and §4.2, so that the official client and ours can
//! read them alike.

use model::{At, Verification};
use serde_json::{Value, json};

use super::instance::Instance;
use super::query::Row;
use super::script::{Fate, HostSpec};
use super::world::min_bid;

/// Columns of a machine that are stored, so that lists can be filtered and
/// sorted by them; the others are computed (§4.1).
pub(super) const STORED: &[&str] = &[
    "actual_status",
    "cur_state",
    "geolocation",
    "gpu_name",
    "host_id",
    "id",
    "image_uuid",
    "intended_status",
    "is_bid",
    "label",
    "machine_id",
    "next_state",
    "start_date",
    "verification",
];

fn seconds(at: At) -> f64 {
    at.unix_ms() as f64 / 1e3
}

const fn verification(of: Verification) -> (&'static str, u32) {
    match of {
        Verification::Verified => ("verified", 1),
        Verification::Unverified => ("unverified", 0),
        Verification::Deverified => ("deverified", 12),
    }
}

/// `570.86.15` is 570086015.
fn driver_number(driver: &str) -> u64 {
    driver
        .split('.')
        .filter_map(|part| part.parse::<u64>().ok())
        .fold(0, |all, part| all * 1_000 + part)
}

fn costs(gpu: f64, disk: f64) -> Value {
    json!({
        "gpuCostPerHour": gpu, "diskHour": disk, "slaPremiumPerHour": 0.0, "totalHour": gpu + disk,
        "discountTotalHour": 0.0, "discountedTotalPerHour": gpu + disk,
    })
}

/// What offers and machines have in common.
fn hardware(host: &HostSpec, gpus: &[u32], gpu_usd: f64, disk_usd: f64) -> Row {
    let share = if host.num_gpus == 0 { 1.0 } else { gpus.len() as f64 / f64::from(host.num_gpus) };
    let count = gpus.len() as u64;
    let total = gpu_usd + disk_usd;
    let per_dollar = |value: f64| if total > 0.0 { value / total } else { 0.0 };
    let dlperf = host.gpu.dlperf * count as f64;
    let tflops = host.gpu.tflops * count as f64;
    let (word, code) = verification(host.verification);
    let mut row = Row::new();
    put(
        &mut row,
        json!({
            "machine_id": host.machine, "host_id": host.owner, "bundle_id": host.machine * 7 + count,
            "gpu_name": host.gpu.name, "num_gpus": count, "gpu_frac": share, "gpu_ids": gpus,
            "gpu_arch": "nvidia", "gpu_lanes": 16, "gpu_ram": host.gpu.ram_mb,
            "gpu_total_ram": host.gpu.ram_mb * count, "gpu_mem_bw": host.gpu.mem_bw_gb_s,
            "gpu_max_power": host.gpu.watts, "gpu_max_temp": 90.0, "gpu_display_active": false,
            "compute_cap": host.gpu.compute_cap, "cuda_max_good": host.cuda_max,
            "driver_version": host.driver, "driver_vers": driver_number(&host.driver),
        }),
    );
    put(
        &mut row,
        json!({
            "dlperf": dlperf, "dlperf_per_dphtotal": per_dollar(dlperf), "total_flops": tflops,
            "flops_per_dphtotal": per_dollar(tflops),
            "score": per_dollar(dlperf) * host.reliability,
            "vram_costperhour": gpu_usd / (host.gpu.ram_mb * count).max(1) as f64,
        }),
    );
    put(
        &mut row,
        json!({
            "cpu_name": host.cpu, "cpu_cores": host.cpu_cores,
            "cpu_cores_effective": f64::from(host.cpu_cores) * share, "cpu_ghz": host.cpu_ghz,
            "cpu_arch": if host.script.fate == Fate::ForeignArchitecture { "arm64" } else { "amd64" },
            "has_avx": 1, "cpu_ram": (host.cpu_ram_mb as f64 * share) as u64,
            "pcie_bw": 24.6, "pci_gen": 4.0, "bw_nvlink": 0.0, "mobo_name": "ROMED8-2T",
            "os_version": "22.04", "ubuntu_version": "22.04",
            "disk_name": "NVMe", "disk_bw": host.disk_bw_mb_s,
        }),
    );
    put(
        &mut row,
        json!({
            "inet_down": host.inet_down_mbps, "inet_up": host.inet_up_mbps,
            "inet_down_cost": host.down_usd_per_gb, "inet_up_cost": host.up_usd_per_gb,
            "internet_down_cost_per_tb": host.down_usd_per_gb * 1024.0,
            "internet_up_cost_per_tb": host.up_usd_per_gb * 1024.0,
            "direct_port_count": host.direct_ports, "static_ip": host.static_ip,
            "geolocation": host.place, "geolocode": host.machine % 900,
            "hosting_type": u8::from(host.datacenter), "datacenter": host.datacenter,
            "cluster_id": null, "logo": null, "webpage": null, "hostname": null,
        }),
    );
    put(
        &mut row,
        json!({
            "verification": word, "verified": word == "verified", "vericode": code,
            "reliability": host.reliability, "reliability2": host.reliability,
            "reliability_mult": 1.0, "expected_reliability": host.reliability,
            "vms_enabled": false, "is_vm_deverified": false, "rn": 1,
            "time_remaining": "", "time_remaining_isbid": "",
        }),
    );
    put(
        &mut row,
        json!({
            "dph_base": gpu_usd, "dph_total": total, "dph_total_adj": total,
            "discounted_dph_total": total, "discounted_hourly": 0.0, "discount_rate": 0.0,
            "credit_discount_max": 0.0, "min_bid": min_bid(host, gpus.len()),
            "storage_cost": host.storage_usd_per_gb_month, "storage_total_cost": disk_usd,
            "search": costs(gpu_usd, disk_usd), "instance": costs(gpu_usd, disk_usd),
        }),
    );
    row
}

fn put(row: &mut Row, more: Value) {
    if let Value::Object(more) = more {
        row.extend(more);
    }
}

/// An offer with `storage_gb` of disk priced in.
pub(super) fn offer(
    host: &HostSpec,
    ask: u64,
    gpus: &[u32],
    storage_gb: f64,
    bid: bool,
    now: At,
) -> Row {
    let on_demand = host.usd_per_gpu_hour * gpus.len() as f64;
    let gpu_usd = if bid { min_bid(host, gpus.len()) } else { on_demand };
    let disk_usd = storage_gb * host.storage_usd_per_gb_month / 720.0;
    let mut row = hardware(host, gpus, gpu_usd, disk_usd);
    let duration = host.duration_s as f64;
    put(
        &mut row,
        json!({
            "id": ask, "ask_contract_id": ask,
            "resource_type": if host.num_gpus == 0 { "disk" } else { "gpu" },
            "disk_space": host.disk_gb, "public_ipaddr": null,
            "rentable": true, "rented": false, "external": false, "is_bid": bid,
            "duration": duration, "start_date": seconds(now) - 86_400.0,
            "end_date": seconds(now) + duration,
            "avail_vol_ask_id": null, "avail_vol_dph": null, "avail_vol_size": null,
            "nw_disk_min_bw": null, "nw_disk_max_bw": null, "nw_disk_avg_bw": null,
        }),
    );
    if host.num_gpus == 0 {
        row.insert("cpu_ram".into(), json!(0));
    }
    row
}

/// A machine as lists show it.
pub(super) fn machine(instance: &Instance, now: At, down_bytes: u64, credit_usd: f64) -> Row {
    let host = &*instance.host;
    let life = instance.life(now);
    let plan = if life.planned { "running" } else { "stopped" };
    let up = life.up_ms.is_some();
    let direct = instance.direct.as_ref().filter(|_| up);
    let ports = direct.map_or(Value::Null, |(_, port)| {
        let port = port.to_string();
        json!({ "22/tcp": [
            { "HostIp": "0.0.0.0", "HostPort": port }, { "HostIp": "::", "HostPort": port },
        ] })
    });
    let env: Vec<Value> = instance.env.iter().map(|(name, value)| json!([name, value])).collect();
    let mut row =
        hardware(host, &instance.gpus, instance.usd_per_hour(), instance.disk_usd_per_hour());
    put(
        &mut row,
        json!({
            "id": instance.id, "label": instance.label, "actual_status": life.status,
            "intended_status": plan, "cur_state": plan, "next_state": plan,
            "status_msg": life.message, "start_date": seconds(instance.requested),
            "end_date": seconds(instance.requested) + host.duration_s as f64,
            "uptime_mins": life.up_ms.map(|ms| ms as f64 / 60_000.0),
            "is_bid": instance.bid.is_some(), "resource_type": "gpu",
        }),
    );
    put(
        &mut row,
        json!({
            "image_uuid": instance.image, "image_args": [], "extra_env": env,
            "image_runtype": format!("ssh {}", instance.runtype).trim_end(),
            "onstart": instance.onstart, "jupyter_token": null, "template_id": null,
            "template_name": null, "template_hash_id": instance.template, "volume_info": [],
        }),
    );
    put(
        &mut row,
        json!({
            "ssh_host": instance.proxy.as_ref().map(|(host, _)| host),
            "ssh_port": instance.proxy.as_ref().map(|(_, port)| port), "ssh_idx": "1",
            "machine_dir_ssh_port": direct.map(|(_, port)| port),
            // White space around it, as in real rows.
            "public_ipaddr": instance.direct.as_ref().map(|(host, _)| format!("{host}\n")),
            "local_ipaddrs": "", "ports": ports, "direct_port_start": -1, "direct_port_end": -1,
            "country_code": host.place.rsplit(", ").next(),
        }),
    );
    put(
        &mut row,
        json!({
            // Telemetry comes and goes as 0 (§4.2).
            "gpu_util": 0.0, "gpu_temp": 0.0, "vmem_usage": 0.0, "cpu_util": 0.0,
            "mem_limit": host.cpu_ram_mb as f64 / 1_000.0, "mem_usage": 0.0,
            "disk_space": instance.disk_gb, "disk_util": -1, "disk_usage": -1,
            "inet_down_billed": down_bytes as f64 / 1_024.0,
            "inet_up_billed": instance.up_bytes as f64 / 1_024.0, "credit_balance": credit_usd,
        }),
    );
    row
}
