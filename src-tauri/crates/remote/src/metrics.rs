//! What a machine measures of itself.

use model::{GpuReading, clean};

/// GPUs a machine may tell of.
const GPUS: usize = 64;

/// One reading, with counters as they stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Each GPU.
    pub gpus: Vec<GpuReading>,
    /// Main memory there is.
    pub memory_bytes: Option<u64>,
    /// Main memory that is free for use.
    pub available_bytes: Option<u64>,
    /// Time all cores worked, and time there was, in ticks since it booted.
    pub cpu_ticks: Option<(u64, u64)>,
    /// Disk there is.
    pub disk_bytes: Option<u64>,
    /// Disk in use.
    pub disk_used_bytes: Option<u64>,
    /// Bytes that came in and went out since it booted.
    pub net_bytes: Option<(u64, u64)>,
}

/// Reads the answer of the script `metrics`. What makes no sense is left out.
#[must_use]
pub fn parse_metrics(text: &str) -> Reading {
    let mut reading = Reading::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(' ') else { continue };
        let numbers: Vec<u64> = value.split_whitespace().map_while(|n| n.parse().ok()).collect();
        let kb = |number: Option<&u64>| number.and_then(|kb| kb.checked_mul(1_024));
        match name {
            "gpu" if reading.gpus.len() < GPUS => reading.gpus.extend(gpu(value)),
            "memory_kb" => reading.memory_bytes = kb(numbers.first()),
            "available_kb" => reading.available_bytes = kb(numbers.first()),
            "disk_kb" => {
                reading.disk_bytes = kb(numbers.first());
                reading.disk_used_bytes = kb(numbers.get(1));
            }
            // user nice system idle iowait irq softirq steal
            "cpu" if numbers.len() >= 4 => {
                let all = numbers.iter().take(8).fold(0u64, |sum, n| sum.saturating_add(*n));
                let idle = numbers[3].saturating_add(numbers.get(4).copied().unwrap_or(0));
                reading.cpu_ticks = Some((all.saturating_sub(idle), all));
            }
            "net" => {
                if let [down, up] = numbers[..] {
                    let (d, u) = reading.net_bytes.unwrap_or_default();
                    reading.net_bytes = Some((d.saturating_add(down), u.saturating_add(up)));
                }
            }
            _ => {}
        }
    }
    reading
}

fn gpu(line: &str) -> Option<GpuReading> {
    let mut fields = line.split(',').map(str::trim);
    let name = clean(fields.next()?, 80);
    if name.is_empty() {
        return None;
    }
    // "[N/A]" is no number.
    let mut number =
        || fields.next().and_then(|text| text.parse::<f64>().ok()).filter(|n| n.is_finite());
    let (util_percent, used, all) = (number(), number(), number());
    let whole = |mb: f64| mb.max(0.0) as u64;
    Some(GpuReading {
        name,
        util_percent,
        memory_used_mb: used.map(whole),
        memory_mb: all.map(whole),
        temperature_c: number(),
        fan_percent: number(),
        power_w: number(),
        power_limit_w: number(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reading_is_read() {
        let text = "gpu NVIDIA GeForce RTX 4090, 94, 11873, 24564, 61, 48, 360.12, 450.00\n\
                    gpu NVIDIA H100, 0, 0, 81559, 30, [N/A], 70.1, 700.00\n\
                    memory_kb 131842104\navailable_kb 100000000\n\
                    cpu 100 0 50 800 50 0 0 0 0 0\ndisk_kb 1000 400\nnet 10 20\nnet 1 2\nodd\n";
        let reading = parse_metrics(text);
        assert_eq!(reading.gpus.len(), 2);
        assert_eq!(reading.gpus[0].util_percent, Some(94.0));
        assert_eq!(reading.gpus[0].memory_used_mb, Some(11_873));
        assert_eq!(reading.gpus[0].power_w, Some(360.12));
        assert_eq!((reading.gpus[1].fan_percent, reading.gpus[1].power_w), (None, Some(70.1)));
        assert_eq!(reading.memory_bytes, Some(131_842_104 * 1_024));
        assert_eq!(reading.cpu_ticks, Some((150, 1_000)));
        assert_eq!((reading.disk_bytes, reading.disk_used_bytes), (Some(1_024_000), Some(409_600)));
        assert_eq!(reading.net_bytes, Some((11, 22)));
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_panic(text in "(gpu|net|cpu|disk_kb|memory_kb) [-0-9,. a-z\\[\\]]{0,80}") {
            let _ = parse_metrics(&text);
        }
    }
}
