import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { preferences } from "../ui/preferences.ts";
import { en } from "./en/index.ts";

export type Language = "en" | "zh";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
  }
}

/** English comes with the first page, Chinese is loaded by those who read it. */
export async function startLanguage(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en } },
    lng: "en",
    fallbackLng: "en",
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
  });
  await setLanguage(preferences.language());
}

export async function setLanguage(language: Language): Promise<void> {
  if (language === "zh" && !i18next.hasResourceBundle("zh", "translation")) {
    const { zh } = await import("./zh/index.ts");
    i18next.addResourceBundle("zh", "translation", zh);
  }
  await i18next.changeLanguage(language);
  preferences.setLanguage(language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}
