// The price cap: offers by price, a slider over them, and the figure itself.

import { Slider } from "@base-ui/react/slider";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { Rate } from "../../bindings";
import { useTyped } from "../../design/use-typed";
import { PRICE_STEP, parsePrice, pricePlot } from "./prices";
import "./price-field.css";

interface PriceFieldProps {
  cap: Rate | null;
  prices: Rate[];
  onChange: (cap: Rate | null) => void;
  /** The prices are another market's; the asked one's are on their way. */
  waiting?: boolean;
  /** The figure stands below the slider. */
  narrow?: boolean;
}

export function PriceField({ cap, prices, onChange, waiting, narrow }: PriceFieldProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const plot = pricePlot(prices, cap);
  const value = Math.min(cap ?? plot.max, plot.max);
  const highest = Math.max(...plot.bins, 1);
  // 0.6 as people type it: "0.60", "0,60".
  const written = cap === null ? "" : f.typed(cap / 1e6);
  const problem = useId();
  const { bad, input } = useTyped(written, text => {
    const parsed = parsePrice(text);
    if (parsed === undefined) return undefined;
    onChange(parsed);
    return written;
  });

  return (
    <div>
      <div className={narrow ? "flex flex-col" : "flex items-center gap-4"}>
        <div className={narrow ? "price-plot" : "price-plot flex-1"}>
          <div className="bars" aria-hidden="true" data-waiting={waiting || undefined}>
            {plot.bins.map((count, index) => {
              const edge = plot.min + ((index + 0.5) / plot.bins.length) * (plot.max - plot.min);
              return (
                <i
                  // biome-ignore lint/suspicious/noArrayIndexKey: bins have no identity
                  key={index}
                  data-in={edge <= value || undefined}
                  style={{ height: count ? `${8 + (count / highest) * 92}%` : "0%" }}
                />
              );
            })}
          </div>
          <Slider.Root
            value={value}
            min={plot.min}
            max={plot.max}
            step={PRICE_STEP}
            largeStep={PRICE_STEP * 10}
            onValueChange={next => onChange(next >= plot.max ? null : next)}
          >
            <Slider.Control className="slider-control">
              <Slider.Track className="slider-track">
                <Slider.Indicator className="slider-fill" />
                <Slider.Thumb
                  className="slider-thumb"
                  aria-label={t("launch.priceCap")}
                  getAriaValueText={() => (cap === null ? t("launch.noCap") : f.perHour(cap))}
                />
              </Slider.Track>
            </Slider.Control>
          </Slider.Root>
        </div>
        <span className={narrow ? "field small" : "field w-[112px]"} data-bad={bad || undefined}>
          <span className="text-ink-2">{t("launch.currency")}</span>
          <input
            type="text"
            inputMode="decimal"
            aria-label={t("launch.priceCapFigure")}
            aria-describedby={bad ? problem : undefined}
            placeholder={t("launch.noCapShort")}
            {...input}
          />
          <span className="text-ink-3">/h</span>
        </span>
      </div>
      {bad ? (
        <p id={problem} className="text-12 text-danger">
          {t("launch.badPrice")}
        </p>
      ) : null}
    </div>
  );
}
