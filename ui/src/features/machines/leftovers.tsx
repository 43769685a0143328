// Something that no run owns any more may still cost: the one thing in red.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats, useWhen } from "../../app/format";
import { useNow } from "../../app/now";
import { queries, refreshRecords } from "../../app/queries";
import { useHost } from "../../app/session";
import type { MachineView } from "../../bindings";
import { Icon } from "../../design/icon";
import { Banner } from "../../design/parts";

export function Leftovers({ machines }: { machines: MachineView[] }) {
  const { t } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const now = useNow(15_000);
  const host = useHost();
  const client = useQueryClient();
  const left = useQuery(queries.leftovers(host));
  const sweep = useMutation({
    mutationFn: () => host.sweep(),
    onSettled: () => refreshRecords(client),
  });
  const names = left.data ?? [];
  if (sweep.error) {
    return <ErrorBanner error={sweep.error} actions={{ retry: () => sweep.mutate() }} />;
  }
  if (left.error) {
    return <ErrorBanner error={left.error} actions={{ retry: () => left.refetch() }} />;
  }
  if (sweep.data && names.length === 0) {
    const gone = sweep.data.destroyed.length;
    return <Banner tone="accent" title={t("machines.swept", { count: gone })} />;
  }
  if (names.length === 0) return null;
  /** What the clouds' lists say of it, where they know it. */
  const about = (name: string) => {
    const machine = machines.find(({ machine, label }) => machine === name || label === name);
    if (!machine) return "";
    return [
      `${machine.gpu}, ${machine.location}`,
      machine.since === null ? "" : t("machines.onSince", { time: when(machine.since, now) }),
      f.perHour(machine.price),
    ]
      .filter(Boolean)
      .join(" · ");
  };
  return (
    <Banner
      tone="danger"
      title={t("machines.left", { count: names.length })}
      action={
        <button
          type="button"
          className="btn danger-fill small"
          disabled={sweep.isPending}
          onClick={() => sweep.mutate()}
        >
          {sweep.isPending ? <span className="spinner" /> : <Icon of={RefreshCw} />}
          {t("machines.sweep")}
        </button>
      }
    >
      {t("machines.leftBody")}
      <ul className="selectable mt-1">
        {names.map(name => (
          <li key={name}>
            <span className="mono">{name}</span> {about(name)}
          </li>
        ))}
      </ul>
    </Banner>
  );
}
