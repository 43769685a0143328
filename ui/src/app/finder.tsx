// The way into the palette, for people with a mouse.

import { Search } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Icon } from "../design/icon";
import { Kbd } from "../design/parts";
import { modOf } from "./keys";
import { usePalette } from "./palette/open";
import { useInfo } from "./queries";

export function Finder() {
  const { t } = useTranslation();
  const { open } = usePalette();
  const mod = modOf(useInfo().data?.os);
  return (
    <button
      type="button"
      className="finder"
      title={t("palette.find")}
      aria-keyshortcuts="Control+K"
      onClick={open}
    >
      <Icon of={Search} size={14} />
      <span className="words truncate">{t("palette.find")}</span>
      <Kbd>{`${mod}K`}</Kbd>
    </button>
  );
}
