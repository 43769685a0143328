// A machine in a program of this computer: terminal, editors, ports in the
// browser, or the command to type.

import { useMutation } from "@tanstack/react-query";
import { BookOpen, CodeXml, Globe, SquareMousePointer, SquareTerminal } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useShortcut } from "../../app/keys";
import { useInfo } from "../../app/queries";
import { useHost } from "../../app/session";
import type { MachineId, OpenWith } from "../../bindings";
import { CopyButton } from "../../design/copy-button";
import { Icon } from "../../design/icon";
import { Kbd } from "../../design/parts";
import type { Port } from "./ports";

interface OpenButtonsProps {
  machine: MachineId;
  ports: Port[];
  /** Large, with their keys, for the one machine of a screen. */
  large?: boolean;
  onError: (error: Error) => void;
}

export function OpenButtons({ machine, ports, large = false, onError }: OpenButtonsProps) {
  const { t } = useTranslation();
  const host = useHost();
  // A practice machine has no shell, and nothing listens on its ports.
  const practice = useInfo().data?.practice ?? false;
  const open = useMutation({
    mutationFn: (program: OpenWith) => host.machineOpen(machine, program),
    onError,
  });
  const jupyter = ports.find(port => port.jupyter);
  const port = ports.find(port => !port.jupyter);
  const can = large && !practice;
  const copySsh = async () => {
    await navigator.clipboard.writeText(await host.machineSsh(machine));
  };
  useShortcut("t", can, () => open.mutate({ kind: "terminal" }));
  useShortcut("e", can, () => open.mutate({ kind: "vs-code" }));
  useShortcut("j", can && jupyter !== undefined, () => {
    if (jupyter) open.mutate({ kind: "browser", port: jupyter.port });
  });
  useShortcut("o", can && port !== undefined, () => {
    if (port) open.mutate({ kind: "browser", port: port.port });
  });
  useShortcut("c", can, () => {
    copySsh().catch(onError);
  });

  const button = (
    name: string,
    icon: ReactNode,
    program: OpenWith,
    key: string | null,
    primary = false,
  ) => (
    <button
      key={name}
      type="button"
      className={large ? `btn large ${primary ? "primary" : ""}` : "btn small"}
      disabled={practice}
      title={practice ? t("machines.noShell") : undefined}
      aria-keyshortcuts={large && key ? key : undefined}
      onClick={() => open.mutate(program)}
    >
      {icon}
      <span className={large ? "flex-1 text-left" : undefined}>{name}</span>
      {large && key ? <Kbd>{key}</Kbd> : null}
    </button>
  );
  const terminal = large ? t("machines.openTerminal") : t("machines.terminal");
  return (
    <div className={large ? "open-large" : "open-small"}>
      {button(terminal, <Icon of={SquareTerminal} />, { kind: "terminal" }, "T", true)}
      {button("VS Code", <Icon of={CodeXml} />, { kind: "vs-code" }, "E")}
      {button("Cursor", <Icon of={SquareMousePointer} />, { kind: "cursor" }, null)}
      {ports.map(one =>
        button(
          one.jupyter ? `Jupyter :${one.port}` : t("machines.port", { port: `:${one.port}` }),
          <Icon of={one.jupyter ? BookOpen : Globe} />,
          { kind: "browser", port: one.port },
          one === jupyter ? "J" : one === port ? "O" : null,
        ),
      )}
      {practice ? null : (
        <CopyButton
          className={large ? "btn large" : "btn ghost small"}
          label={large ? "ssh dumont" : t("machines.copySsh")}
          text={() => host.machineSsh(machine)}
          onError={onError}
        />
      )}
    </div>
  );
}
