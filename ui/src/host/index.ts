// The one door to the engine. Everything the window knows comes through this
// interface; which host stands behind it (the desktop shell, or a fake one in
// tests and browsers) is decided once, in main.tsx.

import type {
  AppError,
  AppInfo,
  Estimate,
  Frame,
  LaunchRequest,
  MachineId,
  MachineView,
  OfferFilter,
  OfferOrder,
  OffersView,
  Recipe,
  RunId,
  RunSummary,
  SnapshotGroup,
} from "../bindings";

/** Time as the host counts it; the fake host can stop it. */
export interface HostClock {
  /** Milliseconds of a clock that only runs forward. */
  now(): number;
  /** Milliseconds since 1970, for dates. */
  wall(): number;
}

/** Every command of the shell. Rejections are always a {@link HostError}. */
export interface Host {
  readonly clock: HostClock;
  appInfo(): Promise<AppInfo>;
  runLaunch(request: LaunchRequest): Promise<RunId>;
  runCancel(run: RunId): Promise<null>;
  runNextWave(run: RunId): Promise<null>;
  runsList(limit: number): Promise<RunSummary[]>;
  launchEstimate(request: LaunchRequest): Promise<Estimate>;
  recipesList(): Promise<Recipe[]>;
  offersSearch(filter: OfferFilter, order: OfferOrder): Promise<OffersView>;
  snapshotsList(): Promise<SnapshotGroup[]>;
  machinesList(): Promise<MachineView[]>;
  machineDestroy(machine: MachineId): Promise<null>;
  /** A run began elsewhere than in this window; returns the way to stop. */
  onRunBegan(listener: (run: RunId) => void): () => void;
  /** First the folded state, then every fact; returns the way to stop. */
  watch(
    run: RunId,
    onFrame: (frame: Frame) => void,
    onError: (error: HostError) => void,
  ): () => void;
}

/** An {@link AppError} that can be thrown. */
export class HostError extends Error {
  constructor(readonly app: AppError) {
    super(`${app.code}: ${app.details}`);
    this.name = "HostError";
  }
}

type Result<T> = { status: "ok"; data: T } | { status: "error"; error: unknown };

/** Unwraps a command's result. Whatever is rejected becomes a {@link HostError}. */
export async function call<T>(result: Promise<Result<T>>): Promise<T> {
  let settled: Result<T>;
  try {
    settled = await result;
  } catch (cause) {
    throw hostError(cause);
  }
  if (settled.status === "ok") return settled.data;
  throw hostError(settled.error);
}

/** The framework itself rejects with plain strings: those are faults of ours. */
export function hostError(cause: unknown): HostError {
  if (cause instanceof HostError) return cause;
  if (isAppError(cause)) return new HostError(cause);
  const details = cause instanceof Error ? cause.message : String(cause);
  return new HostError({ code: "internal", remedy: "report-problem", details, trace: "" });
}

function isAppError(value: unknown): value is AppError {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "details" in value &&
    typeof value.details === "string"
  );
}
