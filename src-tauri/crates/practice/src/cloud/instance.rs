//! A rented practice machine: what it is, what the cloud says of it at any
//! moment, and what it has cost. Its life is a pure function of the time, so
//! nothing has to run for it to go on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{At, Money, Rate};
use serde::{Deserialize, Serialize};

use super::script::{Fate, HostSpec};

const MS_PER_REBOOT: i64 = 1_500;
const BYTES_PER_GB: f64 = 1e9;

/// A rented practice machine.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Vast's contract id: what destroy takes.
    pub id: u64,
    /// The ask it used up.
    pub ask: u64,
    /// The physical machine.
    pub host: Arc<HostSpec>,
    /// Which of its GPUs.
    pub gpus: Vec<u32>,
    /// Label; may change.
    pub label: Option<String>,
    /// Container image.
    pub image: String,
    /// Script of the container's start. It holds the run's secrets.
    pub onstart: String,
    /// Environment, docker flags such as `-p 80:80` included.
    pub env: BTreeMap<String, String>,
    /// Disk rented.
    pub disk_gb: f64,
    /// Ways in, as asked for.
    pub runtype: String,
    /// Template, if any.
    pub template: Option<String>,
    /// Highest bid in dollars an hour; absent: on demand.
    pub bid: Option<f64>,
    /// The machine's own API key: its `CONTAINER_API_KEY`.
    pub api_key: String,
    /// Keys attached to it, or on the account when it was made.
    pub keys: Vec<SshKey>,
    /// When the create call arrived; it costs from here on.
    pub requested: At,
    /// When the create call was answered; its life counts from here.
    pub rented: At,
    /// When it was destroyed.
    pub destroyed: Option<At>,
    /// Straight to it, once its practice machine listens.
    pub direct: Option<(String, u16)>,
    /// Through the relay, once its practice machine listens.
    pub proxy: Option<(String, u16)>,
    /// Traffic in.
    pub down_bytes: u64,
    /// Traffic out.
    pub up_bytes: u64,
    pub(super) boot: Boot,
    pub(super) stopped: Option<At>,
    pub(super) billed_gpu_ms: u64,
}

impl fmt::Debug for Instance {
    /// Without what its renter gave it: that holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id)
            .field("machine", &self.host.machine)
            .field("label", &self.label)
            .field("requested", &self.requested)
            .field("destroyed", &self.destroyed)
            .finish_non_exhaustive()
    }
}

/// A public key on a machine or an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// Its number.
    pub id: u64,
    /// As in `authorized_keys`.
    pub text: String,
    /// When it came.
    pub since: At,
}

/// The start the machine's life counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Boot {
    pub at: At,
    pub kind: BootKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum BootKind {
    First,
    Again,
    Reboot,
}

/// What the cloud says of a machine at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    /// `actual_status`.
    pub status: Option<&'static str>,
    /// `status_msg`.
    pub message: Option<String>,
    /// `intended_status`, `cur_state`, `next_state`: running or stopped.
    pub planned: bool,
    /// Whole milliseconds the container has been running.
    pub up_ms: Option<u64>,
}

/// What a machine has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bill {
    /// GPUs, while loading and running.
    pub gpu: Money,
    /// Disk, for as long as it exists.
    pub disk: Money,
    /// Traffic in.
    pub down: Money,
    /// Traffic out.
    pub up: Money,
}

impl Bill {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Money {
        self.gpu + self.disk + self.down + self.up
    }
}

impl Instance {
    /// Dollars an hour of its GPUs.
    #[must_use]
    pub fn usd_per_hour(&self) -> f64 {
        self.bid.unwrap_or_else(|| self.host.usd_per_gpu_hour * self.gpus.len() as f64)
    }

    /// Dollars an hour of its disk.
    #[must_use]
    pub fn disk_usd_per_hour(&self) -> f64 {
        self.disk_gb * self.host.storage_usd_per_gb_month / 720.0
    }

    /// When its container runs, if it ever does. Faults of the machine itself
    /// are its script's matter.
    #[must_use]
    pub fn running_at(&self) -> Option<At> {
        let never = matches!(
            self.host.script.fate,
            Fate::NeverBoots
                | Fate::NeverStarts
                | Fate::RefusedButRented
                | Fate::OfferGone { .. }
                | Fate::DeadMessage { .. }
        );
        (!never && self.stopped.is_none()).then(|| {
            self.boot.at.after_ms(match self.boot.kind {
                BootKind::First => ms(self.host.script.running_ms),
                BootKind::Again => ms(self.host.script.running_ms.min(2_000)),
                BootKind::Reboot => MS_PER_REBOOT,
            })
        })
    }

    /// When its SSH server answers, if it ever does.
    #[must_use]
    pub fn ssh_at(&self) -> Option<At> {
        let wait = match self.boot.kind {
            BootKind::First => self.host.script.ssh_ms,
            BootKind::Again | BootKind::Reboot => self.host.script.ssh_ms.min(1_000),
        };
        let silent = self.host.script.fate == Fate::SshNever;
        self.running_at().filter(|_| !silent).map(|at| at.after_ms(ms(wait)))
    }

    /// When its container ends by itself: exited, stopped by the cloud, or the
    /// host gone. A lost heartbeat does not end it.
    #[must_use]
    pub fn ends_at(&self) -> Option<At> {
        let after = |after_ms: u64| self.running_at().map(|at| at.after_ms(ms(after_ms)));
        match self.host.script.fate {
            Fate::Exits { after_ms }
            | Fate::Stops { after_ms }
            | Fate::GoesOffline { after_ms } => after(after_ms),
            Fate::Vanishes { after_ms } => Some(self.rented.after_ms(ms(after_ms))),
            _ => None,
        }
    }

    /// It exists and costs: requested, not destroyed, not vanished.
    #[must_use]
    pub fn is_alive(&self, now: At) -> bool {
        now >= self.requested && self.gone_at().is_none_or(|gone| now < gone)
    }

    /// Its container runs, as far as the cloud is concerned.
    #[must_use]
    pub fn is_up(&self, now: At) -> bool {
        self.is_alive(now)
            && self.running_at().is_some_and(|at| now >= at)
            && self.ends_at().is_none_or(|end| now < end)
    }

    /// When it ceased to exist: destroyed, or vanished by itself.
    #[must_use]
    pub fn gone_at(&self) -> Option<At> {
        let vanished = match self.host.script.fate {
            Fate::Vanishes { after_ms } => Some(self.rented.after_ms(ms(after_ms))),
            _ => None,
        };
        match (self.destroyed, vanished) {
            (Some(destroyed), Some(vanished)) => Some(destroyed.min(vanished)),
            (destroyed, vanished) => destroyed.or(vanished),
        }
    }

    /// It stands in lists: some time after the create, some time after the
    /// destroy.
    pub(super) fn is_listed(&self, now: At, destroy_lag_ms: u64) -> bool {
        let gone = match self.host.script.fate {
            Fate::Vanishes { after_ms } => now >= self.rented.after_ms(ms(after_ms)),
            _ => false,
        };
        now >= self.rented.after_ms(ms(self.host.script.visible_ms))
            && !gone
            && self.destroyed.is_none_or(|at| now < at.after_ms(ms(destroy_lag_ms)))
    }

    pub(super) fn life(&self, now: At) -> Life {
        let script = &self.host.script;
        let says = |status: Option<&'static str>, message: Option<String>, planned: bool| Life {
            status,
            message,
            planned,
            up_ms: None,
        };
        let since = |at: At| now.unix_ms() - at.unix_ms();
        let never_started = matches!(script.fate, Fate::NeverStarts | Fate::RefusedButRented);
        if never_started || self.stopped == Some(self.requested) {
            return says(None, None, false);
        }
        if self.stopped.is_some() {
            return says(Some("exited"), None, false);
        }
        let age = since(self.boot.at);
        let running = self.running_at();
        if let Some(up) = running.map(since).filter(|up| *up >= 0) {
            // A message that was true once stays (§4.3).
            let message = Some(format!("success, running {}/ssh", self.image));
            let ended = self.ends_at().is_some_and(|end| now >= end);
            return match script.fate {
                Fate::Exits { .. } if ended => says(Some("exited"), message, true),
                Fate::Stops { .. } if ended => says(Some("stopped"), message, false),
                Fate::GoesOffline { .. } if ended => says(Some("offline"), message, true),
                Fate::HeartbeatLost { after_ms, for_ms }
                    if (ms(after_ms)..ms(after_ms.saturating_add(for_ms))).contains(&up) =>
                {
                    says(Some("unknown"), message, true)
                }
                _ => Life {
                    status: Some("running"),
                    message,
                    planned: true,
                    up_ms: Some(up.unsigned_abs()),
                },
            };
        }
        if self.boot.kind == BootKind::Reboot {
            return says(Some("rebooting"), None, true);
        }
        let loading = match self.boot.kind {
            BootKind::First => ms(script.loading_ms),
            BootKind::Again | BootKind::Reboot => 500,
        };
        if age < loading.min(600) / 2 {
            return says(None, None, true);
        }
        match &script.fate {
            Fate::DeadMessage { text } if age >= loading => {
                says(Some("created"), Some(text.clone()), true)
            }
            _ if age < loading => says(Some("created"), None, true),
            _ => says(Some("loading"), Some(self.pull_line(age - loading)), true),
        }
    }

    /// What docker says while it pulls.
    fn pull_line(&self, age: i64) -> String {
        let step = (age / 700).unsigned_abs();
        if step == 0 {
            return "Pulling image".to_owned();
        }
        let layer = self.id.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(step / 4 * 7_919);
        let doing = ["Downloading", "Download complete", "Extracting", "Pull complete"];
        format!("{:012x}: {}\n", layer & 0xFFFF_FFFF_FFFF, doing[(step % 4) as usize])
    }

    /// Milliseconds of GPU time of the current boot that cost money.
    fn gpu_ms(&self, now: At, bill_loading: bool) -> u64 {
        let never = matches!(
            self.host.script.fate,
            Fate::NeverStarts | Fate::RefusedButRented | Fate::OfferGone { .. }
        );
        let from = if bill_loading { Some(self.boot.at) } else { self.running_at() };
        let Some(from) = from.filter(|_| !never && self.stopped.is_none()) else { return 0 };
        let mut until = now;
        for end in [self.ends_at(), self.gone_at()].into_iter().flatten() {
            until = until.min(end);
        }
        ms_between(from, until)
    }

    /// Starts its life anew, keeping what it cost.
    pub(super) fn boot_again(&mut self, now: At, kind: BootKind, bill_loading: bool) {
        self.billed_gpu_ms += self.gpu_ms(now, bill_loading);
        self.stopped = None;
        self.boot = Boot { at: now, kind };
    }

    /// Stops it, keeping what it cost.
    pub(super) fn stop(&mut self, now: At, bill_loading: bool) {
        if self.stopped.is_none() {
            self.billed_gpu_ms += self.gpu_ms(now, bill_loading);
            self.stopped = Some(now);
        }
    }

    /// Bytes that came in, the metered part of the image pull included.
    pub(super) fn metered_down(&self, now: At, pull_gb: f64) -> u64 {
        let until = self.gone_at().map_or(now, |gone| gone.min(now));
        let whole = ms(self.host.script.running_ms).max(1);
        let part = ms_between(self.rented, until) as f64 / whole as f64;
        self.down_bytes + (pull_gb * BYTES_PER_GB * part.min(1.0)) as u64
    }

    /// What it has cost by now.
    pub(super) fn bill(&self, now: At, bill_loading: bool, pull_gb: f64) -> Bill {
        let until = self.gone_at().map_or(now, |gone| gone.min(now));
        let exists_ms = ms_between(self.requested, until);
        let traffic = |bytes: u64, usd: f64| Money::from_usd(bytes as f64 / BYTES_PER_GB * usd);
        Bill {
            gpu: Rate::from_usd_per_hour(self.usd_per_hour())
                .cost(self.billed_gpu_ms + self.gpu_ms(now, bill_loading)),
            disk: Rate::from_usd_per_hour(self.disk_usd_per_hour()).cost(exists_ms),
            down: traffic(self.metered_down(now, pull_gb), self.host.down_usd_per_gb),
            up: traffic(self.up_bytes, self.host.up_usd_per_gb),
        }
    }
}

fn ms(of: u64) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

fn ms_between(from: At, until: At) -> u64 {
    u64::try_from(until.unix_ms() - from.unix_ms()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> At {
        At::from_unix_ms(1_795_435_200_000 + ms)
    }

    fn instance(host: HostSpec) -> Instance {
        Instance {
            id: 7,
            ask: 10,
            gpus: vec![0],
            host: Arc::new(host),
            label: None,
            image: "ubuntu".into(),
            onstart: String::new(),
            env: BTreeMap::new(),
            disk_gb: 36.0,
            runtype: String::new(),
            template: None,
            bid: None,
            api_key: String::new(),
            keys: Vec::new(),
            requested: at(-500),
            rented: at(0),
            destroyed: None,
            direct: None,
            proxy: None,
            down_bytes: 0,
            up_bytes: 0,
            boot: Boot { at: at(0), kind: BootKind::First },
            stopped: None,
            billed_gpu_ms: 0,
        }
    }

    fn words(instance: &Instance, times: &[i64]) -> Vec<&'static str> {
        times.iter().map(|ms| instance.life(at(*ms)).status.unwrap_or("-")).collect()
    }

    const TIMES: [i64; 6] = [0, 500, 1_500, 3_000, 5_000, 60_000];

    #[test]
    fn a_good_machine_passes_every_state() {
        let good = instance(HostSpec::new(1));
        assert_eq!(
            words(&good, &TIMES),
            ["-", "created", "loading", "running", "running", "running"]
        );
        assert_eq!(good.life(at(1_100)).message.unwrap(), "Pulling image");
        assert!(good.life(at(2_500)).message.unwrap().ends_with(": Extracting\n"));
        assert_eq!(good.life(at(9_000)).message.unwrap(), "success, running ubuntu/ssh");
        assert_eq!(good.ssh_at(), Some(at(3_500)));
    }

    #[test]
    fn every_fate_of_a_boot_shows_as_documented() {
        let tell = |fate: Fate| words(&instance(HostSpec::new(1).fate(fate)), &TIMES);
        let dead = Fate::DeadMessage { text: "OCI runtime create failed".into() };
        assert_eq!(
            tell(Fate::NeverBoots),
            ["-", "created", "loading", "loading", "loading", "loading"]
        );
        assert_eq!(tell(dead), ["-", "created", "created", "created", "created", "created"]);
        assert_eq!(tell(Fate::NeverStarts), ["-"; 6]);
        assert_eq!(
            tell(Fate::Exits { after_ms: 1_000 }),
            ["-", "created", "loading", "running", "exited", "exited"]
        );
        assert_eq!(
            tell(Fate::Stops { after_ms: 0 }),
            ["-", "created", "loading", "stopped", "stopped", "stopped"]
        );
        assert_eq!(
            tell(Fate::GoesOffline { after_ms: 1_000 }),
            ["-", "created", "loading", "running", "offline", "offline"]
        );
        assert_eq!(
            tell(Fate::HeartbeatLost { after_ms: 500, for_ms: 9_000 }),
            ["-", "created", "loading", "running", "unknown", "running"]
        );
    }

    #[test]
    fn a_machine_that_was_never_started_has_only_plans() {
        let never = instance(HostSpec::new(1).fate(Fate::NeverStarts));
        assert!(!never.life(at(9_000)).planned);
        assert_eq!((never.running_at(), never.ssh_at()), (None, None));
    }

    #[test]
    fn it_is_listed_late_and_leaves_late() {
        let mut machine = instance(HostSpec::new(1).visible_after(2_000));
        assert!(!machine.is_listed(at(1_999), 300) && machine.is_listed(at(2_000), 300));
        machine.destroyed = Some(at(5_000));
        assert!(machine.is_listed(at(5_299), 300) && !machine.is_listed(at(5_300), 300));
        assert!(machine.is_alive(at(4_999)) && !machine.is_alive(at(5_000)));
        let vanishing = instance(HostSpec::new(1).fate(Fate::Vanishes { after_ms: 4_000 }));
        assert!(vanishing.is_listed(at(3_999), 300) && !vanishing.is_listed(at(4_000), 300));
    }

    #[test]
    fn the_bill_counts_gpu_disk_and_traffic() {
        let mut machine = instance(HostSpec::new(1).price(3.6));
        machine.down_bytes = 2_000_000_000;
        // 3.6 $/h is 1 µ$ a ms; 36 GB at 0.2 $/GB/month are 0.01 $/h.
        let bill = machine.bill(at(10_000), true, 0.0);
        assert_eq!(bill.gpu, Money::from_micros(10_000));
        assert_eq!(bill.disk, Rate::from_usd_per_hour(0.01).cost(10_500));
        assert_eq!(bill.down, Money::from_micros(5_200));
        assert_eq!(machine.bill(at(10_000), false, 0.0).gpu, Money::from_micros(7_000));

        machine.destroyed = Some(at(10_000));
        assert_eq!(machine.bill(at(99_000), true, 0.0), bill, "nothing after destroy");
    }

    #[test]
    fn a_stopped_machine_costs_its_disk_only() {
        let mut machine = instance(HostSpec::new(1).price(3.6));
        machine.stop(at(10_000), true);
        let bill = machine.bill(at(3_600_000), true, 0.0);
        assert_eq!(bill.gpu, Money::from_micros(10_000));
        assert_eq!(bill.disk, Rate::from_usd_per_hour(0.01).cost(3_600_500));
        assert_eq!(machine.life(at(20_000)).status, Some("exited"));

        machine.boot_again(at(3_600_000), BootKind::Again, true);
        assert_eq!(machine.life(at(3_602_000)).status, Some("running"));
        assert_eq!(machine.bill(at(3_605_000), true, 0.0).gpu, Money::from_micros(15_000));
    }

    #[test]
    fn an_ended_container_costs_no_gpu() {
        let machine = instance(HostSpec::new(1).price(3.6).fate(Fate::Exits { after_ms: 2_000 }));
        assert_eq!(machine.bill(at(60_000), true, 0.0).gpu, Money::from_micros(5_000));
        let never = instance(HostSpec::new(1).price(3.6).fate(Fate::NeverStarts));
        assert_eq!(never.bill(at(60_000), true, 0.0).gpu, Money::ZERO);
    }

    #[test]
    fn a_metered_pull_grows_with_the_boot() {
        let machine = instance(HostSpec::new(1));
        assert_eq!(machine.metered_down(at(1_500), 8.0), 4_000_000_000);
        assert_eq!(machine.metered_down(at(60_000), 8.0), 8_000_000_000);
    }
}
