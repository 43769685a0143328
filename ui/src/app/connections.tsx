// Whether what the window stands on answers: every cloud with a key, and the
// storage.

import { useQuery } from "@tanstack/react-query";
import { Check, Ellipsis, TriangleAlert } from "lucide-react";
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
        { name: t("app.practiceCloud"), asked: machines },
        { name: t("app.practiceStore"), asked: snapshots },
      ]
    : [
        ...info.clouds
          .filter(cloud =>
            secrets.data?.some(
              view => view.set && view.secret.kind === "cloud-key" && view.secret.cloud === cloud,
            ),
          )
          .map(cloud => ({ name: CLOUD_NAMES[cloud], asked: machines })),
        { name: t("app.storage"), asked: snapshots },
      ];
  return (
    <ul className="health">
      {links.map(({ name, asked }) => (
        <li key={name} data-bad={asked.error ? "" : undefined}>
          <Icon of={asked.error ? TriangleAlert : asked.data ? Check : Ellipsis} size={12} />
          {name}
          <span className="sr">
            {asked.error ? t("app.linkBad") : asked.data ? t("app.linkGood") : t("app.linkAsked")}
          </span>
        </li>
      ))}
    </ul>
  );
}
