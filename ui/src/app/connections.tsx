// Whether what the window stands on answers: every cloud with a key, and the
// storage.

import { useQuery } from "@tanstack/react-query";
import { Check, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Icon } from "../design/icon";
import { CLOUD_NAMES } from "../design/parts";
import { queries, useInfo, useMachines, useSnapshots } from "./queries";
import { useHost } from "./session";

export function Connections() {
  const { t } = useTranslation();
  const host = useHost();
  const info = useInfo().data;
  const machines = useMachines();
  const snapshots = useSnapshots();
  const secrets = useQuery({ ...queries.secrets(host), enabled: info?.practice === false });
  if (!info) return null;
  const links = info.practice
    ? [
        { name: t("app.practiceCloud"), error: machines.error },
        { name: t("app.practiceStore"), error: snapshots.error },
      ]
    : [
        ...info.clouds
          .filter(cloud =>
            secrets.data?.some(
              view => view.set && view.secret.kind === "cloud-key" && view.secret.cloud === cloud,
            ),
          )
          .map(cloud => ({ name: CLOUD_NAMES[cloud], error: machines.error })),
        { name: t("app.storage"), error: snapshots.error },
      ];
  return (
    <ul className="health">
      {links.map(link => (
        <li key={link.name} data-bad={link.error ? "" : undefined}>
          <Icon of={link.error ? TriangleAlert : Check} size={12} />
          {link.name}
          <span className="sr">{link.error ? t("app.linkBad") : t("app.linkGood")}</span>
        </li>
      ))}
    </ul>
  );
}
