import { Button } from "antd";
import { TranslationOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import { setLanguage } from "../i18n/index.ts";

/** Named in the language it leads to, for those who cannot read the present one. */
export function LanguageButton() {
  const { t, i18n } = useTranslation();
  const next = i18n.language === "zh" ? "en" : "zh";
  return (
    <Button type="text" icon={<TranslationOutlined />} lang={next} onClick={() => void setLanguage(next)}>
      {t("shell.language")}
    </Button>
  );
}
