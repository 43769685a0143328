// The numbers of the race the window draws with: `model::policy`, once more,
// because a drawing needs them before a fact names them.

export const RULES = {
  create_ms: 10_000,
  boot_ms: 10_000,
  connect_ms: 10_000,
  install_ms: 10_000,
  restore_ms: 120_000,
  wave_lanes: 5,
  lanes: 15,
  wave_gap_ms: 10_000,
  retries_after_refusal: 3,
  race_limit_ms: 180_000,
  stall_limit_ms: 20_000,
} as const;
