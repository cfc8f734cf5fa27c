import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import type { WireVm } from "@sinter/northbound";
import { CopyOutlined, SnippetsOutlined, ClearOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ActionButton } from "../../ui/action-button.tsx";
import { ConsoleFrame } from "./console-frame.tsx";
import { documentWithNonce } from "./document-with-nonce.ts";
import { type Attach, useConsole } from "./use-console.ts";

/** The VM's first serial line as a terminal. */
export default function SerialConsole({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const box = useRef<HTMLDivElement>(null);
  const [terminal, setTerminal] = useState<Terminal>();
  const label = t("console.serialOf", { name: vm.name });

  useEffect(() => {
    if (!box.current) return;
    const made = new Terminal({
      cursorBlink: true,
      fontFamily: "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
      fontSize: 14,
      scrollback: 5000,
      screenReaderMode: true,
      theme: { background: "#0c0f14", foreground: "#e8eaed" },
      documentOverride: documentWithNonce(),
    });
    const fit = new FitAddon();
    made.loadAddon(fit);
    made.open(box.current);
    fit.fit();
    const watcher = new ResizeObserver(() => fit.fit());
    watcher.observe(box.current);
    setTerminal(made);
    return () => {
      watcher.disconnect();
      made.dispose();
      setTerminal(undefined);
    };
  }, []);
  useEffect(() => terminal?.textarea?.setAttribute("aria-label", label), [terminal, label]);

  const join = useCallback<Attach>(
    (socket, _ticket, onReady) => {
      if (!terminal) throw new Error("Broken assumption: a stream is joined only to a terminal.");
      const text = new TextEncoder();
      const send = (data: string | Uint8Array<ArrayBuffer>): void => {
        if (socket.readyState === WebSocket.OPEN) socket.send(data);
      };
      socket.addEventListener("open", () => {
        onReady();
        terminal.focus();
      });
      socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
        if (data instanceof ArrayBuffer) terminal.write(new Uint8Array(data));
      });
      const typed = terminal.onData((data) => send(text.encode(data)));
      const bytes = terminal.onBinary((data) => send(Uint8Array.from(data, (one) => one.charCodeAt(0))));
      return () => {
        typed.dispose();
        bytes.dispose();
      };
    },
    [terminal],
  );
  const { phase, reconnect } = useConsole(vm, "serial", terminal && join);
  const reason = phase.kind === "connected" ? undefined : t("console.notConnected");
  const copy = async (): Promise<void> => {
    const selected = terminal?.getSelection() ?? "";
    if (selected === "") return void message.info(t("console.nothingSelected"));
    await navigator.clipboard.writeText(selected);
    void message.success(t("common.copied"));
  };
  const paste = async (): Promise<void> => {
    try {
      terminal?.paste(await navigator.clipboard.readText());
    } catch {
      // Refused by the user or the browser, whose own keys for pasting still work.
      void message.info(t("console.pasteByKeys"));
    }
    terminal?.focus();
  };
  return (
    <ConsoleFrame
      vm={vm}
      phase={phase}
      onReconnect={reconnect}
      tools={
        <>
          <Button size="small" icon={<CopyOutlined />} onClick={() => void copy()}>
            {t("common.copy")}
          </Button>
          <ActionButton size="small" icon={<SnippetsOutlined />} reason={reason} onClick={() => void paste()}>
            {t("console.paste")}
          </ActionButton>
          <Button size="small" icon={<ClearOutlined />} onClick={() => terminal?.clear()}>
            {t("console.clear")}
          </Button>
        </>
      }
    >
      <div ref={box} className="console-terminal" role="group" aria-label={label} />
    </ConsoleFrame>
  );
}
