// What the fake shell keeps: preferences, settings, which secrets there are.
// Of a secret it remembers no more than the real one shows.

import type {
  CloudId,
  ConnectionReport,
  Preferences,
  Secret,
  SecretView,
  Settings,
  StorageForm,
} from "../../bindings";
import { FAKE_START } from "./scenarios";

const SINCE = new Date(FAKE_START - 21 * 86_400_000).toISOString();
const R2 = "s3:https://8f1c2e4d6a90b37c5e12f480d6a7b9c1.r2.cloudflarestorage.com/workspaces/dumont";

export const PREFERENCES: Required<Preferences> = {
  theme: "system",
  language: "system",
  notify: {
    shell: false,
    critical: true,
    complete: true,
    failure: true,
    leftovers: true,
    caps: true,
  },
  letter_keys: true,
  start_at_login: false,
  rail: false,
  saved_filters: [
    {
      name: "Fast 4090",
      filter: { gpu: "RTX 4090", max_price: 500_000, verified_only: true, min_inet_down_mbps: 800 },
      own: {},
      order: "rank",
    },
  ],
  told_about_tray: true,
  guided: true,
};

export const settingsOf = (fresh: boolean): Settings => ({
  storage: fresh ? null : { location: R2, region: null },
  caps: { run: 2_000_000, day: 20_000_000, month: fresh ? null : 100_000_000 },
  at_cap: "keep",
  proof: "require",
  worth: 10_000,
});

export const sameSecret = (a: Secret, b: Secret) => JSON.stringify(a) === JSON.stringify(b);

export function secretViews(fresh: boolean): SecretView[] {
  const one = (secret: Secret, last4: string | null, set = !fresh): SecretView => ({
    secret,
    set,
    since: set ? SINCE : null,
    last4: set ? last4 : null,
  });
  return [
    one({ kind: "cloud-key", cloud: "vast" }, "61ce"),
    one({ kind: "cloud-key", cloud: "runpod" }, null, false),
    one({ kind: "repository-password" }, null),
    one({ kind: "storage-key-id" }, "9d20"),
    one({ kind: "storage-key-secret" }, "7f3a"),
    one({ kind: "storage-token" }, null, false),
    ...(fresh ? [] : [one({ kind: "registry-login", name: "ghcr" }, null)]),
  ];
}

export function cloudReport(cloud: CloudId): ConnectionReport {
  return {
    took_ms: 412,
    rights: (["search-offers", "read-machines", "change-machines", "read-charges"] as const).map(
      right => ({ right, allowed: right !== "read-charges", needed: right !== "read-charges" }),
    ),
    credit: cloud === "vast" ? 23_480_000 : 8_100_000,
    snapshots: null,
    empty: false,
    clock_off_ms: null,
  };
}

/** A storage whose address says "new" has nothing in it yet. */
export function storageReport(form: StorageForm): ConnectionReport {
  const empty = (form.storage.location ?? "").includes("new");
  return {
    took_ms: 230,
    rights: (["list-objects", "read-objects", "write-objects", "delete-objects"] as const).map(
      right => ({
        right,
        allowed: right === "delete-objects" ? null : true,
        needed: right === "list-objects" || right === "read-objects",
      }),
    ),
    credit: null,
    snapshots: empty ? null : 41,
    empty,
    clock_off_ms: null,
  };
}
