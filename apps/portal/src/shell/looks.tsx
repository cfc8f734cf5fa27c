import { App, ConfigProvider, theme } from "antd";
import enUS from "antd/locale/en_US";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { preferences } from "../ui/preferences.ts";

interface LooksValue {
  readonly isDark: boolean;
  setDark(isDark: boolean): void;
}
const LooksContext = createContext<LooksValue>({ isDark: false, setDark: () => {} });
export const useLooks = (): LooksValue => useContext(LooksContext);

type Locale = typeof enUS;

/** Colours and Ant Design's own texts. Styles that it makes at run time carry the page's nonce: nothing is inline. */
export function Looks({ children }: { children: ReactNode }) {
  const { i18n } = useTranslation();
  const [isDark, setIsDark] = useState(preferences.isDark);
  const [locale, setLocale] = useState<Locale>(enUS);
  useEffect(() => {
    if (i18n.language !== "zh") {
      setLocale(enUS);
      return;
    }
    let isWanted = true;
    const load = async (): Promise<void> => {
      const { default: zhCN } = await import("antd/locale/zh_CN");
      if (isWanted) setLocale(zhCN);
    };
    void load();
    return () => {
      isWanted = false;
    };
  }, [i18n.language]);
  useEffect(() => {
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
  }, [isDark]);
  // Who has asked the system for less movement gets none.
  const motion = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const value = useMemo(
    () => ({
      isDark,
      setDark(next: boolean) {
        preferences.setDark(next);
        setIsDark(next);
      },
    }),
    [isDark],
  );
  return (
    <LooksContext value={value}>
      <ConfigProvider
        locale={locale}
        csp={{ nonce: pageNonce() }}
        getPopupContainer={popups}
        theme={{
          algorithm: isDark ? [theme.darkAlgorithm, theme.compactAlgorithm] : theme.compactAlgorithm,
          // Contrast of at least 4.5 to 1 on both grounds.
          token: isDark
            ? {
                motion,
                colorPrimary: "#6ea2ff",
                colorLink: "#6ea2ff",
                colorError: "#ff7875",
                colorBgContainer: "#181c22",
                colorBgElevated: "#20262f",
                fontSize: 14,
                colorTextDescription: "#a4abb6",
                colorTextPlaceholder: "#9a9a9a",
              }
            : {
                motion,
                colorPrimary: "#1254c4",
                colorInfo: "#1254c4",
                colorLink: "#1254c4",
                fontSize: 14,
                colorTextDescription: "#595959",
                colorTextPlaceholder: "#6b6b6b",
                colorSuccess: "#237804",
                colorError: "#cf1322",
                colorWarning: "#ad4e00",
                // What is derived from such dark colours would be too dark to write upon.
                colorSuccessBg: "#f0f9e8",
                colorSuccessBorder: "#b7eb8f",
                colorErrorBg: "#fff1f0",
                colorErrorBorder: "#ffccc7",
                colorWarningBg: "#fff7e6",
                colorWarningBorder: "#ffd591",
                colorInfoBg: "#e6f0ff",
                colorInfoBorder: "#adc6ff",
              },
          // Bright buttons on a dark ground bear dark text.
          components: isDark ? { Button: { primaryColor: "#0b1320", dangerColor: "#1a0606" } } : {},
        }}
      >
        <App className="app">{children}</App>
      </ConfigProvider>
    </LooksContext>
  );
}

/**
 * Dialogs and menus go here. Directly in the body a dialog would stop the page from scrolling, which ours does not, by a
 * style without the nonce.
 */
function popups(): HTMLElement {
  return document.getElementById("popups") ?? document.body;
}

/** Put into the page by the server, fresh each time. */
function pageNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}
