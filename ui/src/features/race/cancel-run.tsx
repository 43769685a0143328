// Cancel and destroy all: Escape asks, a second Escape within three seconds
// destroys. After the critical mark work may have begun, so it only asks.

import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useShortcut } from "../../app/keys";
import { useRun } from "../../app/run";
import { isOver } from "../../app/run-store";
import { useHost } from "../../app/session";
import { Confirm } from "../../design/controls";
import { Kbd } from "../../design/parts";
import { totalsOf } from "./totals";

const TWICE_MS = 3_000;

export function CancelRun({ label, onError }: { label: string; onError: (error: Error) => void }) {
  const { t } = useTranslation();
  const host = useHost();
  const { view } = useRun();
  const [open, setOpen] = useState(false);
  const [twice, setTwice] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const cancel = useMutation({ mutationFn: () => host.runCancel(view.run), onError });
  const cancelling =
    cancel.isPending || cancel.isSuccess || view.lanes.some(lane => lane.reason === "cancelled");
  // A restore of its own rents nothing, and stopping it destroys nothing.
  const own = view.destination !== null;
  const workBegun = view.marks.critical_ms !== null && !own;
  const sum = totalsOf(view);
  const machines = sum.racing + (view.winner === null ? 0 : 1);

  useEffect(() => {
    if (!twice) return;
    const timer = setTimeout(() => setTwice(false), TWICE_MS);
    return () => clearTimeout(timer);
  }, [twice]);

  const ask = (byKey: boolean) => {
    setOpen(true);
    setTwice(byKey && !workBegun && !own);
  };
  useShortcut("Escape", !open && !cancelling && !isOver(view), () => ask(true));

  const destroy = () => {
    setOpen(false);
    setTwice(false);
    cancel.mutate();
  };

  return (
    <>
      <button
        type="button"
        className="btn danger"
        disabled={cancelling}
        aria-keyshortcuts="Escape"
        onClick={() => ask(false)}
      >
        {cancelling ? <span className="spinner" /> : null}
        {cancelling ? t("race.cancelling") : label}
        {cancelling ? null : <Kbd>Esc</Kbd>}
      </button>
      <Confirm
        open={open}
        onOpenChange={(next, byEscape) => {
          if (!next && twice && byEscape) destroy();
          else setOpen(next);
        }}
        keepRef={keep}
        title={
          own
            ? t("race.cancelDialog.titleOwn")
            : workBegun
              ? t("race.cancelDialog.titleWork")
              : t("race.cancelDialog.title")
        }
        keep={
          view.winner === null && !own
            ? t("race.cancelDialog.keepRacing")
            : t("race.cancelDialog.keep")
        }
        confirm={label}
        onConfirm={destroy}
      >
        <p>
          {own
            ? t("race.cancelDialog.own")
            : workBegun
              ? t("race.cancelDialog.work")
              : t("race.cancelDialog.body", { count: machines })}
        </p>
        {twice ? <p className="mt-2 text-ink">{t("race.cancelDialog.twice")}</p> : null}
      </Confirm>
    </>
  );
}
