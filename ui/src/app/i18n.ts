// The window's words, in the languages it speaks.

import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "../locales/en";
import ptBR from "../locales/pt-BR";
import { padded } from "./pseudo";

export type Language = "en" | "pt-BR" | "pseudo";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

/** Makes the words ready. `pseudo`, English 30 % longer, finds text that is cut. */
export function startI18n(language: Language) {
  shown = language;
  i18next.use(initReactI18next).init({
    lng: language === "pseudo" ? "en" : language,
    fallbackLng: "en",
    initAsync: false,
    resources: {
      en: { translation: language === "pseudo" ? padded(en) : en },
      "pt-BR": { translation: ptBR },
    },
    interpolation: { escapeValue: false },
  });
  i18next.on("languageChanged", setDocumentLanguage);
  setDocumentLanguage(i18next.language);
}

let shown: Language = "en";

/** The language the window was started in, or has changed to. */
export const shownLanguage = () => shown;

/** Changes the language of the running window. */
export function setLanguage(language: Exclude<Language, "pseudo">) {
  shown = language;
  return i18next.changeLanguage(language);
}

/** The best of our languages for what the system prefers. */
export function preferredLanguage(preferred: readonly string[]): "en" | "pt-BR" {
  for (const tag of preferred) {
    if (tag.toLowerCase().startsWith("pt")) return "pt-BR";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

function setDocumentLanguage(language: string) {
  document.documentElement.lang = language;
}
