// Where a restore goes: onto a machine that runs, or into a folder here.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FolderOpen } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { refreshRecords, useMachines } from "../../app/queries";
import { useHost, useSession } from "../../app/session";
import type { RestoreRequest, SnapshotView } from "../../bindings";
import { SelectField } from "../../design/controls";
import { DialogBox } from "../../design/dialog";
import { Icon } from "../../design/icon";
import { TextField } from "../../design/text-field";

interface RestoreDialogProps {
  snapshot: SnapshotView;
  /** Absent: everything. */
  include: string[];
  /** What that is, in words. */
  what: string;
  recipe: string | null;
  onClose: () => void;
}

const HERE = "here";

export function RestoreDialog({ snapshot, include, what, recipe, onClose }: RestoreDialogProps) {
  const { t } = useTranslation();
  const session = useSession();
  const host = useHost();
  const client = useQueryClient();
  const navigate = useNavigate();
  const machines = (useMachines().data ?? []).filter(machine => machine.kept && !machine.condemned);
  const [where, setWhere] = useState(machines[0]?.machine ?? HERE);
  const [folder, setFolder] = useState("");
  const [target, setTarget] = useState("/");
  const machine = machines.find(machine => machine.machine === where);
  const here = machine === undefined;
  const request: RestoreRequest = {
    destination: here
      ? { kind: "local", folder: folder.trim() }
      : { kind: "machine", machine: machine.machine },
    snapshot: snapshot.id,
    recipe,
    target: here ? null : target.trim(),
    include,
    critical: [],
    tool: "agent",
  };
  const restore = useMutation({
    mutationFn: () => host.restoreStart(request),
    onSuccess: run => {
      session.setCurrent(run);
      refreshRecords(client);
      navigate({ to: "/run/$run", params: { run } });
    },
  });
  const choose = useMutation({
    mutationFn: () => host.folderChoose(),
    onSuccess: chosen => {
      if (chosen !== null) setFolder(chosen);
    },
  });
  const fits = here ? folder.trim() !== "" : target.trim().startsWith("/");
  const nameOf = (id: string) => {
    const found = machines.find(machine => machine.machine === id);
    return found
      ? t("snapshots.onMachine", { gpu: found.gpu, place: found.location })
      : t("snapshots.here");
  };
  return (
    <DialogBox
      open
      onClose={onClose}
      title={t("snapshots.restoreTitle", { id: snapshot.id.slice(0, 8) })}
      main={{
        label: t("snapshots.restore"),
        run: restore.mutate,
        off: !fits,
        busy: restore.isPending,
      }}
    >
      <p className="mt-1 text-ink-2">{what}</p>
      <div className="mt-4 flex flex-col gap-3">
        <div className="text-field">
          <span className="text-12 text-ink-2" aria-hidden="true">
            {t("snapshots.where")}
          </span>
          <SelectField
            label={t("snapshots.where")}
            value={here ? HERE : where}
            choices={[...machines.map(machine => machine.machine), HERE].map(id => ({
              value: id,
              label: nameOf(id),
            }))}
            onChange={setWhere}
            className="w-full"
          >
            <span className="truncate">{nameOf(here ? HERE : where)}</span>
          </SelectField>
        </div>
        {here ? (
          <div className="flex items-end gap-2">
            <TextField
              label={t("snapshots.folder")}
              value={folder}
              onChange={setFolder}
              mono
              className="flex-1"
            />
            <button
              type="button"
              className="btn"
              disabled={choose.isPending}
              onClick={() => choose.mutate()}
            >
              <Icon of={FolderOpen} />
              {t("snapshots.choose")}
            </button>
          </div>
        ) : (
          <TextField
            label={t("snapshots.target")}
            value={target}
            onChange={setTarget}
            help={t("snapshots.targetHelp")}
            problem={target.trim().startsWith("/") ? undefined : t("recipes.problems.target")}
            mono
          />
        )}
        {restore.error || choose.error ? (
          <ErrorBanner
            error={restore.error ?? choose.error ?? new Error()}
            actions={{ retry: restore.reset }}
          />
        ) : null}
      </div>
    </DialogBox>
  );
}
