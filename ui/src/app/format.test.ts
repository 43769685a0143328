import { describe, expect, it } from "vitest";
import { formats } from "./format";
import { preferredLanguage } from "./i18n";

const plain = (text: string) => text.replaceAll("\u00a0", " ");
const en = formats("en");
const pt = formats("pt-BR");

describe("figures", () => {
  it("have three digits under ten cents and are never rounded down", () => {
    expect(en.money(12_400)).toBe("$0.013");
    expect(en.money(412_000)).toBe("$0.42");
    expect(en.money(0)).toBe("$0.00");
    expect(plain(pt.money(12_400))).toBe("US$ 0,013");
  });

  it("name a price to the mill", () => {
    expect(plain(en.perHour(412_000))).toBe("$0.412 /h");
    expect(plain(en.perHour(1_815_000))).toBe("$1.82 /h");
    expect(en.cell(440_000)).toBe("$0.440");
    expect(pt.cell(440_000)).toBe("0,440");
  });

  it("count seconds to the tenth", () => {
    expect(plain(en.seconds(21_640))).toBe("21.6 s");
    expect(plain(pt.seconds(21_640))).toBe("21,6 s");
    expect(plain(en.seconds(-3))).toBe("0.0 s");
    expect(plain(en.seconds(754_000))).toBe("12 min 34 s");
  });

  it("give bytes three digits", () => {
    expect(plain(en.bytes(7.12e9))).toBe("7.12 GB");
    expect(plain(en.bytes(22.6e9))).toBe("22.6 GB");
    expect(plain(en.bytes(407e6))).toBe("407 MB");
    expect(plain(en.bytes(64_000))).toBe("64.0 kB");
    expect(plain(en.bytes(7))).toBe("7 B");
    expect(plain(en.bytes(0))).toBe("0 B");
    expect(plain(pt.bytes(1.31e9))).toBe("1,31 GB");
    expect(en.bytesLike(310e6, 7e9)).toEqual(["0.31", "GB"]);
  });

  it("never show a whole before it is whole", () => {
    expect(plain(en.percent(0.999))).toBe("99 %");
    expect(plain(en.percent(1))).toBe("100 %");
  });

  it("name days in the language", () => {
    const day = new Date(2026, 10, 20, 9, 31);
    expect(en.day(day)).toBe("Fri 20 Nov");
    expect(pt.day(day)).toBe("sex 20 nov");
    expect(en.date(day)).toBe("20 Nov");
    expect(pt.date(day)).toBe("20 de nov");
    expect(en.fullDay(day)).toBe("Friday 20 November");
    expect(pt.fullDay(day)).toBe("Sexta-feira 20 de novembro");
    expect(pt.dayInLine(day)).toBe("sexta-feira 20 de novembro");
    expect(en.dayInLine(day)).toBe("Friday 20 November");
    expect(en.minute(day)).toBe("09:31");
  });
});

describe("the language", () => {
  it("is the first one we speak", () => {
    expect(preferredLanguage(["de-DE", "pt-PT", "en"])).toBe("pt-BR");
    expect(preferredLanguage(["en-GB", "pt-BR"])).toBe("en");
    expect(preferredLanguage(["ja"])).toBe("en");
  });
});
