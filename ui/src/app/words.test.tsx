// Every code and every reason has words in both languages, and shows them.

import { render, screen } from "@testing-library/react";
import i18next from "i18next";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type {
  Code,
  InstallRoute,
  KeepReason,
  LaneView,
  LostReason,
  RunView,
  StoreAccess,
} from "../bindings";
import { useLaneWords } from "../features/race/lane-words";
import { HostError } from "../host";
import { FAKE_RUN, factsOf } from "../host/fake/scenarios";
import en from "../locales/en";
import ptBR from "../locales/pt-BR";
import { ErrorBanner } from "./error-banner";
import { ERRORS, type WindowAction } from "./errors";
import { setLanguage, startI18n } from "./i18n";
import { replay } from "./run-view";
import { WindowActionsContext } from "./window-actions";

function Words({ lane, view }: { lane: LaneView; view: RunView }) {
  const words = useLaneWords();
  return <p>{words.sentence({ kind: "lane", brief: lane.brief, lane }, view, 0, null)}</p>;
}

const CODES = Object.keys(ERRORS) as Code[];
const REASONS = Object.keys(en.race.lost) as LostReason[];

// Words for all that can happen, and for nothing that cannot: the compiler reads it.
type Same<A, B> = [A, B] extends [B, A] ? true : never;
true satisfies Same<Exclude<keyof typeof en.errors, "actions">, Code>;
true satisfies Same<keyof typeof en.race.lost, LostReason>;
true satisfies Same<keyof typeof en.hosts.reasons, LostReason>;
true satisfies Same<keyof typeof en.ended.keptFor, KeepReason>;
true satisfies Same<keyof typeof en.machine.how, InstallRoute>;
true satisfies Same<keyof typeof en.machine.access, StoreAccess>;

beforeAll(() => {
  startI18n("en");
});

describe.each(["en", "pt-BR"] as const)("in %s", language => {
  const words = language === "en" ? en : ptBR;
  beforeAll(async () => {
    await setLanguage(language);
    expect(i18next.resolvedLanguage).toBe(language);
  });

  it.each(CODES)("%s has a title, a body, its cause and one way on", code => {
    const act = vi.fn();
    const error = new HostError({ code, remedy: "read-the-help", details: "the cause", trace: "" });
    // The last can be done on any screen.
    const action = ERRORS[code].actions.at(-1) as WindowAction;
    render(
      <WindowActionsContext value={{ [action]: act }}>
        <ErrorBanner error={error} />
      </WindowActionsContext>,
    );
    expect(screen.getByText(words.errors[code].title)).toBeTruthy();
    expect(screen.getByText(words.errors[code].body, { exact: false })).toBeTruthy();
    expect(screen.getByText("the cause")).toBeTruthy();
    const button = screen.getByRole("button", { name: words.errors.actions[action] });
    button.click();
    expect(act).toHaveBeenCalledTimes(1);
  });

  it("offers what the screen can do before what the window can", () => {
    const [mine, others] = [vi.fn(), vi.fn()];
    const error = new HostError({
      code: "no-offers",
      remedy: "loosen-filters",
      details: "",
      trace: "",
    });
    render(
      <WindowActionsContext value={{ "open-offers": others }}>
        <ErrorBanner error={error} actions={{ "clear-filters": mine }} />
      </WindowActionsContext>,
    );
    screen.getByRole("button").click();
    expect([mine.mock.calls.length, others.mock.calls.length]).toEqual([1, 0]);
  });

  it.each(REASONS)("%s is a sentence", reason => {
    const view = replay(FAKE_RUN, factsOf("no-machine"));
    const first = view.lanes[0];
    if (!first) throw new Error("no lane");
    const lane = { ...first, reason };
    render(<Words lane={lane} view={view} />);
    const text = screen.getByText(/Vast\.ai/).textContent ?? "";
    expect(text).toContain(words.race.lost[reason].split(/[,{]/)[0]?.trim());
    expect(text).not.toMatch(/\{\{|undefined|race\./);
  });
});
