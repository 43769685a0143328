// Where machines may stand: anywhere, or a part of the world.

import { Globe } from "lucide-react";
import { useTranslation } from "react-i18next";
import { SelectField } from "../../design/controls";
import { Icon } from "../../design/icon";

const REGIONS = {
  anywhere: [],
  europe:
    "AL AT BA BE BG BY CH CY CZ DE DK EE ES FI FR GB GE GR HR HU IE IS IT LT LU LV MD ME MK MT NL NO PL PT RO RS SE SI SK UA".split(
      " ",
    ),
  northAmerica: "CA MX US".split(" "),
  southAmerica: "AR BO BR CL CO EC PE PY UY VE".split(" "),
  asiaPacific: "AU HK ID IL IN JP KR KZ MY NZ PH SG TH TW VN".split(" "),
} satisfies Record<string, string[]>;

type Region = keyof typeof REGIONS;
const NAMES = Object.keys(REGIONS) as Region[];
const CUSTOM = "custom";

interface PlaceFieldProps {
  countries: string[];
  onChange: (countries: string[]) => void;
}

export function PlaceField({ countries, onChange }: PlaceFieldProps) {
  const { t } = useTranslation();
  const chosen = [...countries].sort().join();
  const region = NAMES.find(name => [...REGIONS[name]].sort().join() === chosen);
  const own = countries.join(", ");
  return (
    <SelectField<Region | typeof CUSTOM>
      label={t("launch.where")}
      value={region ?? CUSTOM}
      choices={[
        ...NAMES.map(name => ({ value: name, label: t(`launch.regions.${name}`) })),
        ...(region ? [] : [{ value: CUSTOM as typeof CUSTOM, label: own }]),
      ]}
      onChange={next => {
        if (next !== CUSTOM) onChange(REGIONS[next]);
      }}
      className="min-w-[148px] max-w-[220px]"
    >
      <Icon of={Globe} />
      <span className="truncate" title={region ? undefined : own}>
        {region ? t(`launch.regions.${region}`) : own}
      </span>
    </SelectField>
  );
}
