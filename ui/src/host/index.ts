// The one door to the engine. Everything the window knows comes through this
// interface; which host stands behind it (the desktop shell, or a fake one in
// tests and browsers) is decided once, in main.tsx.

import type {
  AppError,
  AppInfo,
  CloudId,
  ConnectionReport,
  Estimate,
  Frame,
  GuardView,
  HelpPage,
  HostId,
  HostStanding,
  HostView,
  LaunchRequest,
  MachineId,
  MachineMetrics,
  MachineView,
  OfferFilter,
  OfferOrder,
  OffersView,
  OpenWith,
  Preferences,
  PruneHint,
  QuitAsked,
  Recipe,
  RestoreRequest,
  RunId,
  RunSummary,
  Screen,
  Secret,
  SecretView,
  Settings,
  SnapshotGroup,
  SnapshotId,
  SpendView,
  StorageForm,
  SweepView,
  TreeCount,
  TreeEntry,
} from "../bindings";

/** Time as the host counts it; the fake host can stop it. */
export interface HostClock {
  /** Milliseconds of a clock that only runs forward. */
  now(): number;
  /** Milliseconds since 1970, for dates. */
  wall(): number;
}

/** What is heard from outside the page. */
export interface HostEvents {
  /** A run began elsewhere than in this window. */
  runBegan(run: RunId): void;
  /** Another engine is up: everything may be another world's. */
  worldChanged(): void;
  /** Machines, runs or costs are others than before. */
  recordsChanged(): void;
  /** A link waits to be taken. */
  linkCame(): void;
  /** Somebody wants to quit while something costs money. */
  quitAsked(stake: QuitAsked): void;
  /** A screen is asked for. */
  screenAsked(screen: Screen): void;
}

/** Every command of the shell. Rejections are always a {@link HostError}. */
export interface Host {
  readonly clock: HostClock;
  appInfo(): Promise<AppInfo>;
  appQuit(): Promise<null>;
  appStay(): Promise<null>;
  engineRestart(): Promise<null>;
  folderChoose(): Promise<string | null>;
  helpOpen(page: HelpPage): Promise<null>;
  linkTake(): Promise<string | null>;
  preferencesGet(): Promise<Preferences>;
  preferencesSet(preferences: Preferences): Promise<null>;
  settingsGet(): Promise<Settings>;
  settingsSet(settings: Settings): Promise<null>;
  secretsList(): Promise<SecretView[]>;
  secretSet(secret: Secret, value: string): Promise<null>;
  secretForget(secret: Secret): Promise<null>;
  cloudTest(cloud: CloudId, key: string | null): Promise<ConnectionReport>;
  storageTest(form: StorageForm): Promise<ConnectionReport>;
  storageSet(form: StorageForm): Promise<null>;
  storageForget(): Promise<null>;
  repositoryCreate(form: StorageForm): Promise<null>;
  runLaunch(request: LaunchRequest): Promise<RunId>;
  runCancel(run: RunId): Promise<null>;
  runNextWave(run: RunId): Promise<null>;
  runsList(limit: number): Promise<RunSummary[]>;
  launchEstimate(request: LaunchRequest): Promise<Estimate>;
  recipesList(): Promise<Recipe[]>;
  recipeSave(recipe: Recipe, replaces: string | null): Promise<null>;
  recipeDelete(name: string): Promise<null>;
  offersSearch(filter: OfferFilter, order: OfferOrder): Promise<OffersView>;
  hostsList(): Promise<HostView[]>;
  hostSetStanding(cloud: CloudId, host: HostId, standing: HostStanding): Promise<null>;
  snapshotsList(): Promise<SnapshotGroup[]>;
  pruneHint(): Promise<PruneHint | null>;
  snapshotTree(snapshot: SnapshotId, folder: string): Promise<TreeEntry[]>;
  snapshotCount(snapshot: SnapshotId, paths: string[]): Promise<TreeCount>;
  snapshotCountEach(snapshot: SnapshotId, paths: string[]): Promise<TreeCount[]>;
  restoreStart(request: RestoreRequest): Promise<RunId>;
  restoreMoveToFront(run: RunId, path: string): Promise<null>;
  machinesList(): Promise<MachineView[]>;
  machineDestroy(machine: MachineId): Promise<null>;
  machineStop(machine: MachineId): Promise<null>;
  machineStart(machine: MachineId): Promise<null>;
  machineLabel(machine: MachineId, label: string): Promise<null>;
  machineLogs(machine: MachineId, lines: number): Promise<string[]>;
  machineMetrics(machine: MachineId): Promise<MachineMetrics>;
  machineOpen(machine: MachineId, program: OpenWith): Promise<null>;
  machineSsh(machine: MachineId): Promise<string>;
  spend(): Promise<SpendView>;
  sweep(): Promise<SweepView>;
  leftovers(): Promise<string[]>;
  guard(): Promise<GuardView>;
  /** Hears one kind of event; returns the way to stop. */
  on<K extends keyof HostEvents>(event: K, listener: HostEvents[K]): () => void;
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
