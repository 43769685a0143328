import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import { useNavigate } from "@tanstack/react-router";
import { Check, Pencil, Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { Recipe, RunSummary } from "../../bindings";
import { Icon } from "../../design/icon";

interface RecipeCardsProps {
  recipes: Recipe[];
  runs: RunSummary[];
  chosen: string;
  onChoose: (name: string) => void;
}

export function RecipeCards({ recipes, runs, chosen, onChoose }: RecipeCardsProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const navigate = useNavigate();
  const about = (recipe: Recipe) => {
    const times = runs
      .filter(run => run.recipe === recipe.name)
      .flatMap(run => run.marks.complete_ms ?? []);
    const gpu = recipe.filter?.gpu ?? t("launch.anyGpu");
    const count = recipe.filter?.num_gpus ?? 1;
    return [
      times.length ? t("launch.bestRun", { time: f.seconds(Math.min(...times)) }) : "",
      count > 1 ? `${count} × ${gpu}` : gpu,
      recipe.snapshot === "none" ? t("launch.snapshot.none") : "",
    ]
      .filter(Boolean)
      .join(" · ");
  };
  return (
    <section>
      <div className="mb-2 flex flex-wrap items-center gap-x-1">
        <h2 id="recipes">{t("launch.recipe")}</h2>
        <span className="flex-1" />
        <button
          type="button"
          className="btn ghost small"
          onClick={() => navigate({ to: "/recipe/$name", params: { name: chosen } })}
        >
          <Icon of={Pencil} size={14} />
          {t("launch.editRecipe")}
        </button>
        <button
          type="button"
          className="btn ghost small"
          onClick={() => navigate({ to: "/recipe" })}
        >
          <Icon of={Plus} size={14} />
          {t("launch.newRecipe")}
        </button>
      </div>
      <RadioGroup
        className="recipes"
        aria-labelledby="recipes"
        value={chosen}
        onValueChange={value => onChoose(String(value))}
      >
        {recipes.map(recipe => (
          <Radio.Root
            key={recipe.name}
            value={recipe.name ?? ""}
            className="recipe"
            nativeButton
            render={<button type="button" />}
          >
            <b className="truncate" title={recipe.title}>
              {recipe.title}
            </b>
            <span className="truncate text-12 text-ink-2" title={about(recipe)}>
              {about(recipe)}
            </span>
            <Radio.Indicator className="tick">
              <Icon of={Check} size={12} />
            </Radio.Indicator>
          </Radio.Root>
        ))}
      </RadioGroup>
    </section>
  );
}
