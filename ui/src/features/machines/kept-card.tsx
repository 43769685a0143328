// A machine that runs: what it measures of itself, what it costs, what can be
// done with it.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  Check,
  Ellipsis,
  OctagonAlert,
  Play,
  ScrollText,
  Square,
  Timer,
  Trash2,
  Zap,
} from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats, useWhen } from "../../app/format";
import { useNow } from "../../app/now";
import { refreshRecords } from "../../app/queries";
import { useHost } from "../../app/session";
import type { MachineView, Recipe } from "../../bindings";
import { Confirm } from "../../design/controls";
import { Icon } from "../../design/icon";
import { MenuButton } from "../../design/menu";
import { CloudBadge } from "../../design/parts";
import { Sparkline } from "../../design/sparkline";
import { Logs } from "./logs";
import { OpenButtons } from "./open-buttons";
import { portsOf } from "./ports";
import { sumOf, useReadings } from "./readings";

interface KeptCardProps {
  machine: MachineView;
  recipe: Recipe | undefined;
  title: string;
}

/** How a machine stands, worst first. */
type Standing = "leaving" | "halted" | "lost" | "racing" | "ready" | "starting";

export function standingOf(machine: MachineView): Standing {
  if (machine.condemned) return "leaving";
  const state = machine.status?.state;
  if (state === undefined || state === "exited" || state === "offline") return "lost";
  if (state === "stopped" || state === "frozen") return "halted";
  if (!machine.kept) return "racing";
  return state === "running" ? "ready" : "starting";
}

const TONES: Record<Standing, "accent" | "warn" | "danger" | ""> = {
  leaving: "",
  halted: "warn",
  lost: "danger",
  racing: "",
  ready: "accent",
  starting: "",
};

export function KeptCard({ machine, recipe, title }: KeptCardProps) {
  const { t } = useTranslation();
  const host = useHost();
  const client = useQueryClient();
  const navigate = useNavigate();
  const standing = standingOf(machine);
  const [error, setError] = useState<Error | null>(null);
  const [logs, setLogs] = useState(false);
  const [asking, setAsking] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const done = { onError: setError, onSettled: () => refreshRecords(client) };
  const destroy = useMutation({ mutationFn: () => host.machineDestroy(machine.machine), ...done });
  const stop = useMutation({ mutationFn: () => host.machineStop(machine.machine), ...done });
  const start = useMutation({ mutationFn: () => host.machineStart(machine.machine), ...done });
  const leaving = standing === "leaving" || destroy.isPending || destroy.isSuccess;
  const shown = leaving ? "leaving" : standing;
  const gpu = machine.num_gpus > 1 ? `${machine.num_gpus} × ${machine.gpu}` : machine.gpu;
  return (
    <article className="card machine" aria-label={title}>
      <div className="min-w-0">
        <div className="machine-head">
          <h2 className="truncate text-16" title={title}>
            {title}
          </h2>
          <StandingTag standing={shown} />
          <span className="truncate text-12 text-ink-3" title={gpu}>
            {gpu}
          </span>
          <span className="flex-1" />
          <span className="flex items-center gap-[6px] text-12 text-ink-3">
            <CloudBadge cloud={machine.cloud} />
            {machine.host ? <span className="mono">{machine.host}</span> : null}
            <span>{machine.location}</span>
          </span>
        </div>
        {shown === "lost" || shown === "halted" || shown === "leaving" ? (
          <p className="px-4 pb-3 text-12 text-ink-2">
            {t(`machines.${shown}Body`)}
            {machine.status?.message ? (
              <span className="selectable block text-ink-3">{machine.status.message}</span>
            ) : null}
          </p>
        ) : (
          <Figures machine={machine} measured={shown === "ready"} />
        )}
        {error ? (
          <div className="px-4 pb-3">
            <ErrorBanner error={error} actions={{ retry: () => setError(null) }} />
          </div>
        ) : null}
        <div className="machine-acts">
          {standing === "ready" && !leaving ? (
            <OpenButtons machine={machine.machine} ports={portsOf(recipe)} onError={setError} />
          ) : null}
          {(standing === "halted" || standing === "lost") && machine.kept ? (
            <button
              type="button"
              className="btn small"
              disabled={start.isPending || leaving}
              onClick={() => start.mutate()}
            >
              {start.isPending ? <span className="spinner" /> : <Icon of={Play} />}
              {t("machines.start")}
            </button>
          ) : null}
          <span className="flex-1" />
          <MenuButton
            className="btn ghost small icon-only"
            label={t("machines.more")}
            choices={[
              {
                key: "logs",
                label: (
                  <>
                    <Icon of={ScrollText} />
                    {t("machines.logs")}
                  </>
                ),
                onChoose: () => setLogs(true),
              },
              {
                key: "run",
                label: (
                  <>
                    <Icon of={Zap} />
                    {t("machines.run")}
                  </>
                ),
                disabled: machine.run === null,
                onChoose: () =>
                  machine.run && navigate({ to: "/run/$run", params: { run: machine.run } }),
              },
              {
                key: "stop",
                label: (
                  <>
                    <Icon of={Square} />
                    {t("machines.stop")}
                  </>
                ),
                disabled: standing !== "ready" || leaving || stop.isPending,
                onChoose: () => stop.mutate(),
              },
            ]}
          >
            <Icon of={Ellipsis} />
          </MenuButton>
        </div>
      </div>
      <Cost machine={machine}>
        <button
          type="button"
          className="btn danger small"
          disabled={leaving}
          onClick={() => setAsking(true)}
        >
          {leaving ? <span className="spinner" /> : <Icon of={Trash2} />}
          {leaving ? t("ready.destroying") : t("machines.destroy")}
        </button>
      </Cost>
      {logs ? (
        <Logs machine={machine.machine} title={title} onClose={() => setLogs(false)} />
      ) : null}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        keepRef={keep}
        title={t("ready.confirm.title", { name: `${title}, ${machine.location}` })}
        keep={t("ready.confirm.keep")}
        confirm={
          <>
            <Icon of={Trash2} />
            {t("ready.destroy")}
          </>
        }
        onConfirm={() => {
          setAsking(false);
          destroy.mutate();
        }}
      >
        <p>{t("ready.confirm.body")}</p>
      </Confirm>
    </article>
  );
}

const SIGNS = {
  leaving: Timer,
  halted: Square,
  lost: OctagonAlert,
  racing: Zap,
  ready: Check,
  starting: Timer,
} as const;

function StandingTag({ standing }: { standing: Standing }) {
  const { t } = useTranslation();
  return (
    <span className={`tag ${TONES[standing]}`}>
      <Icon of={SIGNS[standing]} size={12} />
      {t(`machines.standing.${standing}`)}
    </span>
  );
}

/** GPU, its memory, disk and network, as the machine measures them now. */
function Figures({ machine, measured }: { machine: MachineView; measured: boolean }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { readings, error } = useReadings(machine.machine, measured);
  const now = readings.at(-1);
  const before = readings.at(-2);
  if (!measured || (!now && !error)) return <div className="figures" aria-busy={measured} />;
  if (!now) {
    return (
      <p className="px-4 pb-3 text-12 text-ink-2" role="status">
        {t("machines.silent")}
      </p>
    );
  }
  const gpu = sumOf(now.gpus);
  const utils = readings.flatMap(reading => sumOf(reading.gpus).util ?? []);
  const gib = (mb: number) => f.decimal(mb / 1_024, 1);
  const gb = (bytes: number) => f.decimal(bytes / 1e9, 1);
  const rate = (pick: "net_down_bytes" | "net_up_bytes") => {
    const [old, fresh] = [before?.[pick], now[pick]];
    if (before === undefined || old == null || fresh == null) return null;
    const seconds = (Date.parse(now.at) - Date.parse(before.at)) / 1_000;
    return seconds > 0 ? Math.max(fresh - old, 0) / seconds : null;
  };
  const [down, up] = [rate("net_down_bytes"), rate("net_up_bytes")];
  return (
    <dl className="figures">
      <div>
        <dt>{t("machines.gpu")}</dt>
        <dd>
          {gpu.util === null ? "–" : f.count(gpu.util)} <small>%</small>
        </dd>
        {gpu.temperature === null ? null : (
          <dd className="caption">{t("machines.heat", { degrees: f.count(gpu.temperature) })}</dd>
        )}
        <Sparkline values={utils} top={100} />
      </div>
      <div>
        <dt>{t("machines.vram")}</dt>
        <dd>
          {gpu.usedMb === null ? "–" : gib(gpu.usedMb)}{" "}
          <small>
            {gpu.totalMb === null
              ? ""
              : t("machines.ofGb", { all: f.count(Math.round(gpu.totalMb / 1_024)) })}
          </small>
        </dd>
        <Share part={gpu.usedMb} of={gpu.totalMb} />
      </div>
      <div>
        <dt>{t("machines.disk")}</dt>
        <dd>
          {now.disk_used_bytes === null ? "–" : gb(now.disk_used_bytes)}{" "}
          <small>
            {now.disk_bytes === null
              ? ""
              : t("machines.ofGb", { all: f.count(Math.round(now.disk_bytes / 1e9)) })}
          </small>
        </dd>
        <Share part={now.disk_used_bytes} of={now.disk_bytes} grey />
      </div>
      <div className="wide">
        <dt>{t("machines.network")}</dt>
        <dd>
          {down === null ? (
            "–"
          ) : (
            <>
              {f.speed(down)[0]} <small>{t("machines.down")}</small>
            </>
          )}
        </dd>
        {up === null ? null : (
          <dd className="caption">{t("machines.up", { speed: f.speed(up).join(" ") })}</dd>
        )}
      </div>
    </dl>
  );
}

function Share({ part, of, grey }: { part: number | null; of: number | null; grey?: boolean }) {
  if (part === null || of === null || of === 0) return null;
  return (
    <div className={grey ? "gauge grey" : "gauge"} aria-hidden="true">
      <i style={{ width: `${Math.min(part / of, 1) * 100}%` }} />
    </div>
  );
}

/** What it cost until this second. */
function Cost({ machine, children }: { machine: MachineView; children: React.ReactNode }) {
  const { t } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const now = useNow();
  const since = machine.since === null ? null : Date.parse(machine.since);
  const lived = since === null ? 0 : Math.max(now - since, 0);
  // Halted, only its disk costs: the engine counts that.
  const spent =
    machine.status?.state === "running"
      ? Math.max(machine.spent, Math.ceil((machine.price * lived) / 3_600_000))
      : machine.spent;
  const [main, rest] = f.moneyParts(spent);
  return (
    <div className="machine-cost">
      <div className="flex flex-wrap justify-between gap-x-2 text-12 text-ink-3">
        <span>{since === null ? "" : f.span(lived)}</span>
        <span>{f.perHour(machine.price)}</span>
      </div>
      <div className="spent">
        {main}
        <em>{rest}</em>
      </div>
      <span className="caption">{t("machines.estimate")}</span>
      {machine.alone_until === null || machine.condemned ? null : (
        <span className="caption">
          {t("machines.alone", { time: when(machine.alone_until, now) })}
        </span>
      )}
      {children}
    </div>
  );
}
