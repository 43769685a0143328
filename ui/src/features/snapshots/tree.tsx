// A snapshot's files: one folder at a time, picked from with boxes, walked with
// arrows.

import { useQueries } from "@tanstack/react-query";
import { ChevronDown, ChevronRight, File, Folder, Link2 } from "lucide-react";
import { type KeyboardEvent, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats, useWhen } from "../../app/format";
import { queries } from "../../app/queries";
import { useHost } from "../../app/session";
import type { SnapshotId, TreeCount, TreeEntry } from "../../bindings";
import { Icon } from "../../design/icon";
import { Loading } from "../../design/loading";
import { markOf, type Selection, toggle } from "./selection";

interface TreeProps {
  snapshot: SnapshotId;
  /** All bytes, for the shares. */
  bytes: number | null;
  selection: Selection;
  onSelect: (selection: Selection) => void;
}

interface Shown {
  entry: TreeEntry;
  level: number;
  open: boolean;
}

const ROOT = "/";
const ICONS = { folder: Folder, file: File, link: Link2, other: File } as const;

export function Tree({ snapshot, bytes, selection, onSelect }: TreeProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState<string | null>(null);
  const wanted = useRef(false);

  // Folders that are open, each with its entries; the first two levels open by
  // themselves where they hold one folder alone.
  const folders = useMemo(() => [ROOT, ...open], [open]);
  const answers = useQueries({
    queries: folders.map(folder => queries.tree(host, snapshot, folder)),
  });
  const entriesOf = useMemo(
    () => new Map(folders.map((folder, index) => [folder, answers[index]?.data])),
    [folders, answers],
  );
  const sizes = useQueries({
    queries: folders.map(folder => {
      const inside = (entriesOf.get(folder) ?? []).filter(entry => entry.kind === "folder");
      return {
        ...queries.countEach(
          host,
          snapshot,
          inside.map(entry => entry.path),
        ),
        enabled: inside.length > 0,
      };
    }),
  });
  const countOf = useMemo(() => {
    const counts = new Map<string, TreeCount>();
    for (const [index, folder] of folders.entries()) {
      const inside = (entriesOf.get(folder) ?? []).filter(entry => entry.kind === "folder");
      for (const [place, entry] of inside.entries()) {
        const count = sizes[index]?.data?.[place];
        if (count) counts.set(entry.path, count);
      }
    }
    return counts;
  }, [folders, entriesOf, sizes]);

  const only = entriesOf.get(ROOT)?.length === 1 ? entriesOf.get(ROOT)?.[0] : undefined;
  const first = only?.kind === "folder" ? only.path : null;
  useLayoutEffect(() => {
    if (first) setOpen(before => (before.has(first) ? before : new Set([...before, first])));
  }, [first]);

  const shown: Shown[] = [];
  const add = (folder: string, level: number) => {
    for (const entry of entriesOf.get(folder) ?? []) {
      const isOpen = open.has(entry.path);
      shown.push({ entry, level, open: isOpen });
      if (isOpen) add(entry.path, level + 1);
    }
  };
  add(ROOT, 1);

  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    list.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
  });

  const at = Math.max(
    shown.findIndex(one => one.entry.path === active),
    0,
  );
  const focus = (index: number) => {
    const path = shown[Math.min(Math.max(index, 0), shown.length - 1)]?.entry.path;
    if (path === undefined) return;
    setActive(path);
    wanted.current = true;
  };
  const setOpenAt = (path: string, on: boolean) => {
    const next = new Set(open);
    if (on) next.add(path);
    else
      for (const folder of open)
        if (folder === path || folder.startsWith(`${path}/`)) next.delete(folder);
    setOpen(next);
  };
  const children = (folder: string) => (entriesOf.get(folder) ?? []).map(entry => entry.path);
  const pick = (path: string) => onSelect(toggle(selection, path, children));
  const onKeyDown = (event: KeyboardEvent) => {
    const here = shown[at];
    if (!here) return;
    const folder = here.entry.kind === "folder";
    switch (event.key) {
      case "ArrowDown":
        focus(at + 1);
        break;
      case "ArrowUp":
        focus(at - 1);
        break;
      case "Home":
        focus(0);
        break;
      case "End":
        focus(shown.length - 1);
        break;
      case "ArrowRight":
        if (folder && !here.open) setOpenAt(here.entry.path, true);
        else if (folder) focus(at + 1);
        break;
      case "ArrowLeft":
        if (here.open) setOpenAt(here.entry.path, false);
        else focus(shown.findLastIndex((one, index) => index < at && one.level < here.level));
        break;
      case " ":
        pick(here.entry.path);
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  const failed = answers.find(answer => answer.error);
  if (failed?.error) {
    return (
      <div className="p-4">
        <ErrorBanner error={failed.error} actions={{ retry: () => failed.refetch() }} />
      </div>
    );
  }
  if (!answers[0]?.data) {
    return (
      <div className="px-5">
        <Loading rows={8}>{t("snapshots.readingTree")}</Loading>
      </div>
    );
  }
  if (shown.length === 0) return <p className="p-5 text-ink-2">{t("snapshots.noFiles")}</p>;
  return (
    <div className="tree">
      <div className="tree-head" aria-hidden="true">
        <span>{t("snapshots.name")}</span>
        <span className="n">{t("snapshots.size")}</span>
        <span className="share">{t("snapshots.share")}</span>
        <span className="n changed">{t("snapshots.changed")}</span>
      </div>
      <div
        ref={list}
        role="tree"
        aria-label={t("snapshots.files")}
        aria-multiselectable
        onKeyDown={onKeyDown}
      >
        {shown.map(({ entry, level, open: isOpen }, index) => {
          const mark = markOf(selection, entry.path);
          const count = countOf.get(entry.path);
          const size = entry.kind === "folder" ? (count?.bytes ?? entry.bytes) : entry.bytes;
          return (
            <Item
              key={entry.path}
              entry={entry}
              level={level}
              open={isOpen}
              current={index === at}
              mark={mark}
              note={
                entry.kind === "link"
                  ? `→ ${entry.target ?? ""}`
                  : count
                    ? t("launch.files", { count: count.files, files: f.count(count.files) })
                    : ""
              }
              size={size}
              share={size !== null && bytes ? size / bytes : null}
              onActive={() => setActive(entry.path)}
              onOpen={() => setOpenAt(entry.path, !isOpen)}
              onPick={() => pick(entry.path)}
            />
          );
        })}
      </div>
    </div>
  );
}

interface ItemProps {
  entry: TreeEntry;
  level: number;
  open: boolean;
  current: boolean;
  mark: "on" | "off" | "mixed";
  note: string;
  size: number | null;
  share: number | null;
  onActive: () => void;
  onOpen: () => void;
  onPick: () => void;
}

function Item(props: ItemProps) {
  const { entry, level, open, current, mark, note, size, share } = props;
  const f = useFormats();
  const when = useWhen();
  const now = useHost().clock.wall();
  const folder = entry.kind === "folder";
  return (
    <div
      role="treeitem"
      className="tree-item"
      data-path={entry.path}
      aria-level={level}
      aria-expanded={folder ? open : undefined}
      aria-checked={mark === "mixed" ? "mixed" : mark === "on"}
      tabIndex={current ? 0 : -1}
      onFocus={props.onActive}
      onClick={() => {
        props.onActive();
        if (folder) props.onOpen();
        else props.onPick();
      }}
      // The tree hears the keys of all its entries.
      onKeyDown={() => {}}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Space picks, on the entry */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Space picks, on the entry */}
      <span
        className="drawn-check"
        data-on={mark === "on" ? "" : undefined}
        data-mixed={mark === "mixed" ? "" : undefined}
        onClick={event => {
          event.stopPropagation();
          props.onActive();
          props.onPick();
        }}
      />
      <span className="name" style={{ paddingLeft: (level - 1) * 20 }}>
        {folder ? (
          <Icon of={open ? ChevronDown : ChevronRight} size={14} />
        ) : (
          <span className="w-[14px] flex-none" />
        )}
        <Icon of={ICONS[entry.kind]} />
        <span className="mono truncate" title={entry.path}>
          {entry.name}
        </span>
        {note ? (
          <span className="truncate text-ink-3" title={note}>
            {note}
          </span>
        ) : null}
      </span>
      <span className="n">{size === null ? "" : f.bytes(size)}</span>
      <span className="share" aria-hidden="true">
        {share === null ? null : (
          <span className="gauge grey">
            <i style={{ width: `${Math.min(share, 1) * 100}%` }} />
          </span>
        )}
      </span>
      <span className="n changed text-ink-2">
        {entry.modified === null ? "" : when(entry.modified, now)}
      </span>
    </div>
  );
}
