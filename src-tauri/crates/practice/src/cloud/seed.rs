//! A whole practice market out of one number: the same on every platform and
//! for ever, so that a seed in a bug report is the whole report. Friendly on
//! average: about half of the hosts are ready in 3 to 14 seconds, the others
//! are slow or fail in every documented way.

use model::Verification;
use serde::{Deserialize, Serialize};

use super::script::{Ask, Fate, Gpu, HostScript, HostSpec, Latency, Script};

/// A small generator of our own (`SplitMix64`): libraries reserve the right to
/// change theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to 1, without 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// 0 to `end`, without `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn ms(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn shuffle<T>(&mut self, cards: &mut [T]) {
        for end in (1..cards.len()).rev() {
            cards.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

const HOSTS: usize = 60;
const OWNERS: u64 = 25;

/// Name, memory MB, memory GB/s, capability, TFLOPS, dlperf, watts, dollars an
/// hour from and to, how many hosts.
type Model = (&'static str, u64, f64, u32, f64, f64, u32, f64, f64, usize);

const MODELS: [Model; 10] = [
    ("RTX 4090", 24_564, 1_008.0, 890, 82.6, 100.0, 450, 0.28, 0.52, 22),
    ("RTX 3090", 24_576, 936.0, 860, 35.6, 52.0, 350, 0.13, 0.26, 10),
    ("RTX 5090", 32_607, 1_792.0, 1_200, 104.8, 150.0, 575, 0.42, 0.85, 6),
    ("RTX 4080S", 16_376, 736.0, 890, 52.2, 65.0, 320, 0.18, 0.30, 4),
    ("RTX A6000", 49_140, 768.0, 860, 38.7, 50.0, 300, 0.36, 0.58, 4),
    ("L40S", 46_068, 864.0, 890, 91.6, 95.0, 350, 0.50, 0.85, 3),
    ("A100 SXM4", 81_920, 2_039.0, 800, 19.5, 75.0, 400, 0.80, 1.40, 5),
    ("A100 PCIE", 40_960, 1_555.0, 800, 19.5, 68.0, 250, 0.60, 0.95, 2),
    ("H100 SXM", 81_559, 3_350.0, 900, 67.0, 170.0, 700, 1.70, 2.60, 3),
    ("H200", 143_771, 4_800.0, 900, 67.0, 190.0, 700, 2.30, 3.40, 1),
];

const PLACES: [&str; 24] = [
    "Washington, US",
    "Dallas, US",
    "San Jose, US",
    "Chicago, US",
    "Ashburn, US",
    "Salt Lake City, US",
    "Montreal, CA",
    "Toronto, CA",
    "Sao Paulo, BR",
    "Oslo, NO",
    "Stockholm, SE",
    "Helsinki, FI",
    "Reykjavik, IS",
    "Frankfurt, DE",
    "Amsterdam, NL",
    "Paris, FR",
    "Warsaw, PL",
    "Prague, CZ",
    "Sofia, BG",
    "Seoul, KR",
    "Tokyo, JP",
    "Taipei, TW",
    "Singapore, SG",
    "Sydney, AU",
];

/// Model, clock rate, cores.
const CPUS: [(&str, f64, u32); 5] = [
    ("AMD EPYC 7763 64-Core Processor", 3.5, 128),
    ("AMD EPYC 9354 32-Core Processor", 3.8, 64),
    ("AMD Ryzen 9 7950X 16-Core Processor", 5.7, 32),
    ("Intel(R) Xeon(R) Gold 6430", 3.4, 64),
    ("Intel(R) Core(TM) i9-13900K", 5.8, 32),
];

/// CUDA and the driver that brings it.
const DRIVERS: [(f64, &str); 4] =
    [(12.4, "550.127.05"), (12.6, "560.35.03"), (12.8, "570.86.15"), (13.0, "580.65.06")];

impl Script {
    /// The market of a seed: 60 hosts of 25 owners, some 80 offers and a few
    /// storage rows, with latencies like life.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut models: Vec<&Model> =
            MODELS.iter().flat_map(|model| std::iter::repeat_n(model, model.9)).collect();
        let mut scripts = host_scripts(&mut dice);
        dice.shuffle(&mut models);
        dice.shuffle(&mut scripts);

        let mut hosts: Vec<HostSpec> = models
            .into_iter()
            .zip(scripts)
            .enumerate()
            .map(|(index, (model, script))| host(&mut dice, index as u64, model, script))
            .collect();
        // Storage offers stand among the others (facts: vast.md §2.2).
        for (index, ordinary) in [3, 17, 40].into_iter().enumerate() {
            let mut storage = hosts[ordinary].clone();
            storage.num_gpus = 0;
            storage.asks = vec![Ask { id: 29_900_000 + index as u64, gpus: Vec::new() }];
            hosts.push(storage);
        }
        Self {
            seed,
            latency: Latency { search_ms: 400, list_ms: 700, destroy_ms: 300, other_ms: 150 },
            ..Self::of(hosts)
        }
    }
}

/// One script a host: the deck is counted, only its order is chance.
fn host_scripts(dice: &mut Dice) -> Vec<HostScript> {
    let oci = "Error response from daemon: failed to create task for container: failed to create \
        shim task: OCI runtime create failed: runc create failed: unable to start container process";
    let cdi = "Error response from daemon: could not select device driver: unresolvable CDI devices \
        nvidia.com/gpu=0";
    let dead = |text: &str| Fate::DeadMessage { text: text.to_owned() };
    let bad = [
        Fate::NeverBoots,
        Fate::NeverBoots,
        Fate::NeverBoots,
        Fate::NeverBoots,
        dead(oci),
        dead(oci),
        dead(cdi),
        Fate::Exits { after_ms: 900 },
        Fate::Exits { after_ms: 4_000 },
        Fate::GoesOffline { after_ms: 2_000 },
        Fate::HeartbeatLost { after_ms: 0, for_ms: 9_000 },
        Fate::SshNever,
        Fate::SshNever,
        Fate::ProxyOnly,
        Fate::ProxyOnly,
        Fate::ProxyOnly,
        Fate::KeyNeverInstalled,
        Fate::Unproved,
        Fate::WrongProof,
        Fate::DiskTooSmall,
        Fate::OfferGone { status: 404 },
        Fate::OfferGone { status: 410 },
    ];
    let slow = 8;
    let mut scripts = Vec::with_capacity(HOSTS);
    for index in 0..HOSTS {
        let fate = bad.get(index).cloned().unwrap_or(Fate::Good);
        let is_slow = (bad.len()..bad.len() + slow).contains(&index);
        let running_ms = if is_slow { dice.ms(15_000, 70_000) } else { dice.ms(2_600, 11_000) };
        scripts.push(HostScript {
            create_ms: dice.ms(350, 1_600),
            loading_ms: running_ms / dice.ms(3, 8),
            running_ms,
            ssh_ms: dice.ms(400, 3_000),
            visible_ms: dice.ms(0, 2_500),
            direct: true,
            proxy: true,
            fate,
        });
    }
    scripts
}

fn host(dice: &mut Dice, index: u64, model: &Model, mut script: HostScript) -> HostSpec {
    let (name, ram_mb, mem_bw_gb_s, compute_cap, tflops, dlperf, watts, low, high, _) = *model;
    let first_ask = 20_000_000 + index * 1_000 + dice.below(900);
    let shares: &[&[u32]] = match dice.below(20) {
        0 => &[&[0, 1, 2, 3, 4, 5, 6, 7], &[0, 1, 2, 3], &[4]],
        1 | 2 => &[&[0, 1, 2, 3], &[0, 1], &[2]],
        3..=5 => &[&[0, 1], &[0]],
        _ => &[&[0]],
    };
    let num_gpus = shares[0].len() as u32;
    let asks =
        shares.iter().zip(first_ask..).map(|(gpus, id)| Ask { id, gpus: gpus.to_vec() }).collect();
    let (cpu, cpu_ghz, cores) = dice.pick(&CPUS);
    let (cuda_max, driver) = dice.pick(&DRIVERS);
    let datacenter = dice.below(4) == 0;
    // Most lines are fast, a few are hopeless.
    let luck = dice.unit();
    let inet_down_mbps =
        if dice.below(10) == 0 { dice.between(90.0, 450.0) } else { 500.0 + luck * luck * 8_000.0 };
    let traffic = dice.pick(&[0.0, 0.002_6, 0.002_6, 0.010_4, 0.010_4, 0.023_4]);
    let verification = match dice.below(20) {
        0 => Verification::Deverified,
        1 | 2 => Verification::Unverified,
        _ => Verification::Verified,
    };
    let direct_ports = if dice.below(12) == 0 { 0 } else { 20 + dice.below(200) as u32 };
    script.direct = direct_ports > 0;
    let reports = match script.fate {
        Fate::NeverBoots | Fate::SshNever if dice.below(2) == 0 => {
            vec!["container does not start".to_owned()]
        }
        _ => Vec::new(),
    };
    HostSpec {
        machine: 30_000 + index * 37 + dice.below(30),
        owner: 60_000 + 11 * if index < OWNERS { index } else { dice.below(OWNERS) },
        gpu: Gpu { name: name.to_owned(), ram_mb, mem_bw_gb_s, compute_cap, tflops, dlperf, watts },
        num_gpus,
        asks,
        usd_per_gpu_hour: rounded(dice.between(low, high), 1e4),
        storage_usd_per_gb_month: dice.pick(&[0.1, 0.15, 0.15, 0.2, 0.3]),
        down_usd_per_gb: traffic,
        up_usd_per_gb: traffic,
        inet_down_mbps: rounded(inet_down_mbps, 10.0),
        inet_up_mbps: rounded(inet_down_mbps * dice.between(0.2, 1.0), 10.0),
        disk_gb: rounded(dice.between(120.0, 2_400.0), 10.0),
        disk_bw_mb_s: rounded(dice.between(700.0, 7_000.0), 10.0),
        cpu: cpu.to_owned(),
        cpu_cores: cores,
        cpu_ghz,
        cpu_ram_mb: 64_000 * u64::from(num_gpus),
        place: dice.pick(&PLACES).to_owned(),
        reliability: rounded(1.0 - dice.unit() * dice.unit() * 0.12, 1e6),
        verification,
        direct_ports,
        static_ip: datacenter || dice.below(5) == 0,
        datacenter,
        duration_s: 86_400 * (2 + dice.below(120)),
        cuda_max,
        driver: driver.to_owned(),
        reports,
        script,
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_is_the_same_world_for_ever() {
        assert_eq!(Script::seeded(7), Script::seeded(7));
        assert_ne!(Script::seeded(7).hosts, Script::seeded(8).hosts);
        let mut dice = Dice::new(42);
        let rolled: Vec<u64> = (0..3).map(|_| dice.next()).collect();
        assert_eq!(
            rolled,
            [0xbdd7_3226_2feb_6e95, 0x28ef_e333_b266_f103, 0x4752_6757_130f_9f52],
            "published values of SplitMix64"
        );
        // The last host is the sum of every throw before it.
        let script = Script::seeded(1);
        let last = &script.hosts[HOSTS - 1];
        let known = (last.machine, last.gpu.name.as_str(), last.place.as_str(), last.reliability);
        assert_eq!(format!("{known:?}"), r#"(32203, "RTX 4090", "Prague, CZ", 0.98959)"#);
    }

    #[test]
    fn the_market_is_of_the_promised_size() {
        for seed in 0..50 {
            let script = Script::seeded(seed);
            let machines: Vec<_> = script.hosts.iter().filter(|host| host.num_gpus > 0).collect();
            let asks: Vec<u64> =
                script.hosts.iter().flat_map(|host| &host.asks).map(|ask| ask.id).collect();
            assert_eq!(machines.len(), HOSTS);
            assert_eq!(script.hosts.len(), HOSTS + 3);
            assert!((68..=110).contains(&asks.len()), "{}", asks.len());
            assert_eq!(asks.iter().collect::<HashSet<_>>().len(), asks.len(), "ask ids are unique");
            let owners: HashSet<_> = machines.iter().map(|host| host.owner).collect();
            assert_eq!(owners.len() as u64, OWNERS);
            let numbers: HashSet<_> = machines.iter().map(|host| host.machine).collect();
            assert_eq!(numbers.len(), HOSTS);
        }
    }

    #[test]
    fn somebody_usually_wins_within_two_waves() {
        let mut lost = 0;
        for seed in 0..300 {
            let script = Script::seeded(seed);
            let mut hosts: Vec<_> = script
                .hosts
                .iter()
                .filter(|host| host.num_gpus > 0 && host.gpu.name == "RTX 4090")
                .collect();
            hosts.sort_by(|a, b| a.usd_per_gpu_hour.total_cmp(&b.usd_per_gpu_hour));
            let wins = hosts.iter().take(10).any(|host| {
                let script = &host.script;
                matches!(script.fate, Fate::Good | Fate::ProxyOnly) && script.running_ms < 10_000
            });
            lost += usize::from(!wins);
        }
        assert!(lost <= 6, "{lost} of 300 practice races are lost");
    }

    #[test]
    fn about_half_of_the_hosts_are_quick() {
        let script = Script::seeded(3);
        let quick = script.hosts.iter().take(HOSTS).filter(|host| {
            let ready = host.script.running_ms + host.script.ssh_ms;
            host.script.fate == Fate::Good && (3_000..=14_000).contains(&ready)
        });
        assert_eq!(quick.count(), 30);
    }
}
