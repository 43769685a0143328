// What each code means to a person: title, body and one next step. A screen
// offers what it can do itself; the window does the rest. The words live in
// the locales.

import type { ParseKeys } from "i18next";
import type { Code } from "../bindings";

/** What only the screen that shows the error can do. */
export type ScreenAction =
  | "retry"
  | "clear-filters"
  | "drop-cap"
  | "choose-snapshot"
  | "without-snapshot"
  | "edit-recipe"
  | "launch-again";

/** What the window can do on any screen. */
export type WindowAction =
  | "reload"
  | "restart-engine"
  | "open-accounts"
  | "open-storage"
  | "open-limits"
  | "open-about"
  | "open-billing"
  | "open-launch"
  | "open-offers"
  | "open-machines"
  | "open-snapshots"
  | "open-run"
  | "restic-install"
  | "restic-repair";

export interface ErrorView {
  title: ParseKeys;
  body: ParseKeys;
  /** The best first; the last can be done on any screen. */
  actions: readonly [...ScreenAction[], WindowAction];
}

const view = <C extends Code>(
  code: C,
  ...actions: [...ScreenAction[], WindowAction]
): ErrorView => ({
  title: `errors.${code}.title`,
  body: `errors.${code}.body`,
  actions,
});

export const ERRORS = {
  usage: view("usage", "edit-recipe", "retry", "reload"),
  "cloud-key-missing": view("cloud-key-missing", "open-accounts"),
  "cloud-key-refused": view("cloud-key-refused", "open-accounts"),
  "cloud-key-forbidden": view("cloud-key-forbidden", "open-accounts"),
  "credit-too-low": view("credit-too-low", "open-billing"),
  "spend-limit": view("spend-limit", "retry", "reload"),
  "cloud-unreachable": view("cloud-unreachable", "retry", "reload"),
  "cloud-answer-unknown": view("cloud-answer-unknown", "retry", "reload"),
  "rate-limited": view("rate-limited", "retry", "reload"),
  "search-quota-used-up": view("search-quota-used-up", "retry", "reload"),
  "no-offers": view("no-offers", "clear-filters", "open-offers"),
  "price-cap": view("price-cap", "drop-cap", "open-offers"),
  "cap-reached": view("cap-reached", "open-limits"),
  "repository-missing": view("repository-missing", "without-snapshot", "open-storage"),
  "not-a-repository": view("not-a-repository", "without-snapshot", "open-storage"),
  "repository-password-wrong": view(
    "repository-password-wrong",
    "without-snapshot",
    "open-storage",
  ),
  "repository-too-new": view("repository-too-new", "without-snapshot", "open-about"),
  "storage-key-refused": view("storage-key-refused", "without-snapshot", "open-storage"),
  "storage-unreachable": view("storage-unreachable", "retry", "reload"),
  "repository-damaged": view("repository-damaged", "without-snapshot", "restic-repair"),
  "pack-damaged": view("pack-damaged", "restic-repair"),
  "snapshot-missing": view("snapshot-missing", "choose-snapshot", "open-snapshots"),
  "snapshot-ambiguous": view("snapshot-ambiguous", "choose-snapshot", "open-snapshots"),
  "critical-path-missing": view("critical-path-missing", "edit-recipe", "open-launch"),
  "critical-path-ambiguous": view("critical-path-ambiguous", "edit-recipe", "open-launch"),
  "recipe-missing": view("recipe-missing", "open-launch"),
  "disk-too-small": view("disk-too-small", "edit-recipe", "launch-again", "open-launch"),
  "target-read-only": view("target-read-only", "edit-recipe", "launch-again", "open-launch"),
  "own-clock-off": view("own-clock-off", "retry", "reload"),
  "keychain-locked": view("keychain-locked", "restart-engine"),
  "keychain-absent": view("keychain-absent", "restart-engine"),
  interrupted: view("interrupted", "launch-again", "open-launch"),
  "no-machine-ready": view("no-machine-ready", "launch-again", "open-launch"),
  "winner-failed": view("winner-failed", "launch-again", "open-launch"),
  "tool-missing": view("tool-missing", "restic-install"),
  "program-missing": view("program-missing", "retry", "reload"),
  "restore-incomplete": view("restore-incomplete", "launch-again", "open-launch"),
  "restore-too-slow": view("restore-too-slow", "launch-again", "open-launch"),
  "host-key-changed": view("host-key-changed", "open-machines"),
  "machine-missing": view("machine-missing", "open-machines"),
  "machine-unreachable": view("machine-unreachable", "retry", "open-machines"),
  "machine-foreign": view("machine-foreign", "open-machines"),
  "no-capacity": view("no-capacity", "open-launch"),
  "run-in-progress": view("run-in-progress", "open-run"),
  "still-running": view("still-running", "open-machines"),
  "already-running": view("already-running", "restart-engine"),
  "ledger-unusable": view("ledger-unusable", "restart-engine"),
  internal: view("internal", "retry", "reload"),
} satisfies Record<Code, ErrorView>;

/** Something costs money that should not, or we are at fault. */
const RED: Code[] = ["still-running", "host-key-changed", "keychain-locked", "internal"];

export const isRed = (code: Code) => RED.includes(code);
