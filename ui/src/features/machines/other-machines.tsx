// Machines on the accounts that this copy of the app did not rent: shown with
// what they cost. Those of another computer can be destroyed by hand, the rest
// only be named.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { refreshRecords } from "../../app/queries";
import { useHost } from "../../app/session";
import type { MachineView } from "../../bindings";
import { Confirm } from "../../design/controls";
import { DialogBox } from "../../design/dialog";
import { Icon } from "../../design/icon";
import { CloudBadge } from "../../design/parts";
import { TextField } from "../../design/text-field";

export function OtherMachines({ machines }: { machines: MachineView[] }) {
  const { t } = useTranslation();
  if (machines.length === 0) return null;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("machines.others")}</h2>
        <span className="caption">{t("machines.othersBody")}</span>
      </div>
      <ul className="card-body other-machines">
        {machines.map(machine => (
          <Row key={`${machine.cloud}-${machine.machine}`} machine={machine} />
        ))}
      </ul>
    </section>
  );
}

function Row({ machine }: { machine: MachineView }) {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [naming, setNaming] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const destroy = useMutation({
    mutationFn: () => host.machineDestroy(machine.machine),
    onSettled: () => refreshRecords(client),
  });
  const label = useMutation({
    mutationFn: (text: string) => host.machineLabel(machine.machine, text),
    onSuccess: () => setNaming(false),
    onSettled: () => refreshRecords(client),
  });
  const foreign = machine.ownership === "foreign";
  const error = destroy.error;
  return (
    <li>
      <CloudBadge cloud={machine.cloud} />
      <span className="mono">{machine.machine}</span>
      <span className="truncate" title={`${machine.gpu}, ${machine.location}`}>
        {machine.gpu}, {machine.location}
      </span>
      <span className="truncate text-ink-3" title={machine.label}>
        {foreign ? machine.label || t("machines.unlabelled") : t("machines.otherComputer")}
      </span>
      <span className="flex-1" />
      <span>{f.perHour(machine.price)}</span>
      {foreign ? (
        <button type="button" className="btn ghost small" onClick={() => setNaming(true)}>
          <Icon of={Pencil} size={14} />
          {t("machines.label")}
        </button>
      ) : (
        <button
          type="button"
          className="btn danger small"
          disabled={destroy.isPending || machine.condemned}
          onClick={() => setAsking(true)}
        >
          {destroy.isPending ? <span className="spinner" /> : <Icon of={Trash2} size={14} />}
          {t("machines.destroy")}
        </button>
      )}
      {error ? (
        <div className="w-full">
          <ErrorBanner error={error} actions={{ retry: () => destroy.mutate() }} />
        </div>
      ) : null}
      {naming ? (
        <LabelDialog
          first={machine.label}
          error={label.error}
          onClose={() => {
            label.reset();
            setNaming(false);
          }}
          onLabel={text => label.mutate(text)}
        />
      ) : null}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        keepRef={keep}
        title={t("ready.confirm.title", { name: `${machine.gpu}, ${machine.location}` })}
        keep={t("ready.confirm.keep")}
        confirm={t("ready.destroy")}
        onConfirm={() => {
          setAsking(false);
          destroy.mutate();
        }}
      >
        <p>{t("machines.otherConfirm")}</p>
      </Confirm>
    </li>
  );
}

interface LabelDialogProps {
  first: string;
  error: Error | null;
  onClose: () => void;
  onLabel: (text: string) => void;
}

function LabelDialog({ first, error, onClose, onLabel }: LabelDialogProps) {
  const { t } = useTranslation();
  const [text, setText] = useState(first);
  const field = useRef<HTMLInputElement>(null);
  return (
    <DialogBox
      open
      onClose={onClose}
      title={t("machines.labelTitle")}
      initialFocus={field}
      main={{ label: t("app.save"), run: () => onLabel(text.trim()) }}
    >
      <div className="mt-3 flex flex-col gap-3">
        <TextField
          label={t("machines.labelName")}
          value={text}
          onChange={setText}
          inputRef={field}
          onEnter={() => onLabel(text.trim())}
        />
        {error ? <ErrorBanner error={error} /> : null}
      </div>
    </DialogBox>
  );
}
