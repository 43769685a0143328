// Whether what the window stands on answers: every cloud with a key, and the
// storage.

import { Check, Ellipsis, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Icon } from "../design/icon";
import { CLOUD_NAMES } from "../design/parts";
import { useGuards } from "./guard";
import { useInfo, useMachines, useSnapshots } from "./queries";

export function Connections() {
  const { t } = useTranslation();
  const info = useInfo().data;
  const machines = useMachines();
  const snapshots = useSnapshots();
  const guards = useGuards();
  if (!info) return null;
  const links = info.practice
    ? [
        { name: t("app.practiceCloud"), asked: machines },
        { name: t("app.practiceStore"), asked: snapshots },
      ]
    : [
        ...guards
          .filter(({ set }) => set)
          .map(({ cloud, last, problem }) => ({
            name: CLOUD_NAMES[cloud],
            asked: { error: problem, data: last },
          })),
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
