// What each code means to a person: title, body and, where this window can do
// it, the next step. The words live in the locales.

import type { ParseKeys } from "i18next";
import type { Code } from "../bindings";

/** What a screen may offer; a screen shows only what it can do. */
export type ErrorAction =
  | "retry"
  | "clear-filters"
  | "drop-cap"
  | "choose-snapshot"
  | "without-snapshot"
  | "launch-again";

export interface ErrorView {
  title: ParseKeys;
  body: ParseKeys;
  action: ErrorAction | null;
}

const view = <C extends Code>(code: C, action: ErrorAction | null): ErrorView => ({
  title: `errors.${code}.title`,
  body: `errors.${code}.body`,
  action,
});

export const ERRORS = {
  usage: view("usage", null),
  "cloud-key-missing": view("cloud-key-missing", null),
  "cloud-key-refused": view("cloud-key-refused", "retry"),
  "cloud-key-forbidden": view("cloud-key-forbidden", "retry"),
  "credit-too-low": view("credit-too-low", "retry"),
  "spend-limit": view("spend-limit", "retry"),
  "cloud-unreachable": view("cloud-unreachable", "retry"),
  "cloud-answer-unknown": view("cloud-answer-unknown", "retry"),
  "rate-limited": view("rate-limited", "retry"),
  "search-quota-used-up": view("search-quota-used-up", null),
  "no-offers": view("no-offers", "clear-filters"),
  "price-cap": view("price-cap", "drop-cap"),
  "cap-reached": view("cap-reached", null),
  "money-guard-missing": view("money-guard-missing", null),
  "repository-missing": view("repository-missing", "without-snapshot"),
  "not-a-repository": view("not-a-repository", "without-snapshot"),
  "repository-password-wrong": view("repository-password-wrong", "without-snapshot"),
  "repository-too-new": view("repository-too-new", "without-snapshot"),
  "storage-key-refused": view("storage-key-refused", "without-snapshot"),
  "storage-unreachable": view("storage-unreachable", "retry"),
  "repository-damaged": view("repository-damaged", "without-snapshot"),
  "pack-damaged": view("pack-damaged", "launch-again"),
  "snapshot-missing": view("snapshot-missing", "choose-snapshot"),
  "snapshot-ambiguous": view("snapshot-ambiguous", "choose-snapshot"),
  "critical-path-missing": view("critical-path-missing", "choose-snapshot"),
  "critical-path-ambiguous": view("critical-path-ambiguous", "choose-snapshot"),
  "recipe-missing": view("recipe-missing", null),
  "disk-too-small": view("disk-too-small", "launch-again"),
  "target-read-only": view("target-read-only", "launch-again"),
  "own-clock-off": view("own-clock-off", "retry"),
  "keychain-locked": view("keychain-locked", "retry"),
  "keychain-absent": view("keychain-absent", null),
  interrupted: view("interrupted", "launch-again"),
  "no-machine-ready": view("no-machine-ready", "launch-again"),
  "winner-failed": view("winner-failed", "launch-again"),
  "tool-missing": view("tool-missing", null),
  "restore-incomplete": view("restore-incomplete", "launch-again"),
  "restore-too-slow": view("restore-too-slow", "launch-again"),
  "host-key-changed": view("host-key-changed", "launch-again"),
  "machine-missing": view("machine-missing", null),
  "machine-foreign": view("machine-foreign", null),
  "still-running": view("still-running", null),
  "already-running": view("already-running", null),
  "ledger-unusable": view("ledger-unusable", null),
  internal: view("internal", "retry"),
} satisfies Record<Code, ErrorView>;
