// Which snapshot: the newest, none, or one of the repository's.

import { Layers } from "lucide-react";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useFormats, useWhen } from "../../app/format";
import { useHost } from "../../app/session";
import type { SnapshotGroup, SnapshotView } from "../../bindings";
import { type Choice, SelectField } from "../../design/controls";
import { Icon } from "../../design/icon";

interface SnapshotFieldProps {
  value: string;
  groups: SnapshotGroup[];
  /** The snapshot `value` means, where the engine said so. */
  meant: SnapshotView | null;
  onChange: (value: string) => void;
  triggerRef: RefObject<HTMLButtonElement | null>;
}

export function SnapshotField({ value, groups, meant, onChange, triggerRef }: SnapshotFieldProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const now = useHost().clock.wall();
  const about = (snapshot: SnapshotView) =>
    [
      when(snapshot.time, now),
      snapshot.bytes === null ? "" : f.bytes(snapshot.bytes),
      snapshot.files === null
        ? ""
        : t("launch.files", { count: snapshot.files, files: f.count(snapshot.files) }),
    ]
      .filter(Boolean)
      .join(" · ");

  const whole = (snapshot: SnapshotView) =>
    `${about(snapshot)} · ${snapshot.hostname} ${snapshot.paths.join(", ")}`;

  const fixed = groups.find(group => group.newest.id.startsWith(value))?.newest ?? null;
  const shown = value === "none" ? null : (fixed ?? meant);
  const choices: Choice<string>[] = [
    { value: "latest", label: t("launch.snapshot.latestLong") },
    { value: "none", label: t("launch.snapshot.noneLong") },
    ...groups.map((group, index) => ({
      value: group.newest.id,
      ...(index === 0 ? { group: t("launch.snapshot.fixed") } : {}),
      label: (
        <>
          <span className="mono">{group.newest.id.slice(0, 8)}</span>
          <span className="truncate text-12 text-ink-2" title={whole(group.newest)}>
            {whole(group.newest)}
          </span>
          {group.same.length ? (
            <span className="tag">{t("launch.snapshot.same", { count: group.same.length })}</span>
          ) : null}
        </>
      ),
    })),
  ];
  return (
    <SelectField
      label={t("launch.snapshot.label")}
      value={fixed ? fixed.id : value}
      choices={choices}
      onChange={onChange}
      triggerRef={triggerRef}
      className="w-full"
    >
      <Icon of={Layers} />
      {value === "none" ? (
        <span className="truncate">{t("launch.snapshot.noneLong")}</span>
      ) : (
        <>
          {shown ? <span className="mono">{shown.id.slice(0, 8)}</span> : null}
          {value === "latest" ? (
            <span className="tag accent">{t("launch.snapshot.latest")}</span>
          ) : null}
          <span className="truncate text-12 text-ink-2" title={shown ? about(shown) : undefined}>
            {shown ? about(shown) : ""}
          </span>
        </>
      )}
    </SelectField>
  );
}
