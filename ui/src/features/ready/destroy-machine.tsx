// Destroys the kept machine, after asking. "Gone" only when the cloud says so.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Check, OctagonAlert, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { useShortcut } from "../../app/keys";
import { refreshRecords } from "../../app/queries";
import { useRun } from "../../app/run";
import { useHost } from "../../app/session";
import { winnerOf } from "../../app/spans";
import { Confirm } from "../../design/controls";
import { Icon } from "../../design/icon";
import { bibOf } from "../race/lane";
import { useListedMachine } from "../restore/machine-card";

export function DestroyMachine() {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const client = useQueryClient();
  const { view } = useRun();
  const listed = useListedMachine();
  const [open, setOpen] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const lane = winnerOf(view);
  const machine = lane?.machine ?? null;
  const destroy = useMutation({
    mutationFn: (id: string) => host.machineDestroy(id),
    onSettled: () => refreshRecords(client),
  });
  const canAsk =
    machine !== null && lane?.destroyed_ms === null && !destroy.isPending && !destroy.isSuccess;
  useShortcut("mod+shift+d", canAsk, () => setOpen(true));
  if (!lane || machine === null) return null;

  const name = `${bibOf(lane.brief.lane)} ${lane.brief.location}`;
  if (lane.destroyed_ms !== null) {
    const at = f.clock(new Date(Date.parse(view.started) + lane.destroyed_ms));
    return (
      <section className="card flex items-center gap-3 p-4" role="status">
        <Icon
          of={lane.destroyed_confirmed ? Check : OctagonAlert}
          className={lane.destroyed_confirmed ? "text-accent" : "text-danger"}
        />
        <div className="min-w-0">
          <b className="font-semibold">
            {lane.destroyed_confirmed ? t("ready.gone", { time: at }) : t("ready.notConfirmed")}
          </b>
          <div className="caption">{t("ready.itCost", { money: f.money(lane.spent) })}</div>
        </div>
      </section>
    );
  }
  const leaving = destroy.isPending || destroy.isSuccess || listed?.condemned === true;
  return (
    <section className="card p-4">
      {destroy.error ? (
        <div className="mb-3">
          <ErrorBanner error={destroy.error} actions={{ retry: () => destroy.mutate(machine) }} />
        </div>
      ) : null}
      <button
        type="button"
        className="btn danger large w-full"
        disabled={leaving}
        aria-keyshortcuts="Control+Shift+D"
        onClick={() => setOpen(true)}
      >
        {leaving ? <span className="spinner" /> : <Icon of={Trash2} />}
        {leaving ? t("ready.destroying") : t("ready.destroy")}
      </button>
      <p className="caption mt-2">{leaving ? t("ready.destroyingNote") : t("ready.destroyNote")}</p>
      <Confirm
        open={open}
        onOpenChange={setOpen}
        keepRef={keep}
        title={t("ready.confirm.title", { name })}
        keep={t("ready.confirm.keep")}
        confirm={
          <>
            <Icon of={Trash2} />
            {t("ready.destroy")}
          </>
        }
        onConfirm={() => {
          setOpen(false);
          destroy.mutate(machine);
        }}
      >
        <p>{t("ready.confirm.body")}</p>
      </Confirm>
    </section>
  );
}
