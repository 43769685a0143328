// What every key does, by `?`.

import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { DialogBox } from "../design/dialog";
import { Kbd } from "../design/parts";
import { modOf, useShortcut } from "./keys";
import { useInfo } from "./queries";

let isOpen = false;
const listeners = new Set<() => void>();
const set = (next: boolean) => {
  isOpen = next;
  for (const listener of listeners) listener();
};

/** Opens the list from anywhere. */
export function useKeysSheet() {
  return { open: () => set(true) };
}

export function KeysSheet() {
  const { t } = useTranslation();
  const open = useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isOpen,
  );
  useShortcut("?", true, () => set(true));
  return (
    <DialogBox open={open} onClose={() => set(false)} title={t("keys.title")} wide>
      <KeyList />
    </DialogBox>
  );
}

/** The list itself; the settings show it too. */
export function KeyList() {
  const { t } = useTranslation();
  const mod = modOf(useInfo().data?.os);
  const rows: [string[], string][] = [
    [[`${mod}K`], t("keys.palette")],
    [[`${mod}1`, "…", `${mod}5`], t("keys.sections")],
    [[`${mod},`], t("keys.settings")],
    [[`${mod}\\`], t("keys.rail")],
    [["Enter"], t("keys.enter")],
    [["Esc"], t("keys.escape")],
    [["W"], t("keys.wave")],
    [["T"], t("keys.terminal")],
    [["E"], t("keys.vsCode")],
    [["J"], t("keys.jupyter")],
    [["O"], t("keys.port")],
    [["C"], t("keys.ssh")],
    [[`${mod}⇧D`], t("keys.destroy")],
    [["F"], t("keys.filters")],
    [["/"], t("keys.find")],
    [["B"], t("keys.best")],
    [["R"], t("keys.refresh")],
    [["↑", "↓", "Space", "Home", "End"], t("keys.move")],
    [["?"], t("keys.list")],
  ];
  return (
    <dl className="keys">
      {rows.map(([keys, name]) => (
        <div key={name}>
          <dt>{keys.map(key => (key === "…" ? key : <Kbd key={key}>{key}</Kbd>))}</dt>
          <dd>{name}</dd>
        </div>
      ))}
    </dl>
  );
}
