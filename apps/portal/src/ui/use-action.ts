import { useQueryClient } from "@tanstack/react-query";
import { App } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refreshKinds } from "../api/queries.ts";
import { failureText } from "./failure.tsx";

export interface Action<Input> {
  run(input: Input): Promise<boolean>;
  readonly isRunning: boolean;
  readonly error: unknown;
  reset(): void;
}

/**
 * A call that changes something. When it works the user is told that it was started (the task pane shows the rest);
 * when not, the error is kept for showing it beside the control, or shown as a message by `isQuiet: false`.
 */
export function useAction<Input>(options: {
  readonly call: (input: Input) => Promise<unknown>;
  /** Kinds whose queries are read again. */
  readonly kinds: readonly string[];
  readonly started?: (input: Input) => string;
  /** The error is shown by whoever uses this; default false. */
  readonly isQuiet?: boolean;
  readonly onError?: (error: unknown) => void;
}): Action<Input> {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const queries = useQueryClient();
  const [running, setRunning] = useState(0);
  const [error, setError] = useState<unknown>();
  return {
    isRunning: running > 0,
    error,
    reset: () => setError(undefined),
    async run(input) {
      setRunning((n) => n + 1);
      setError(undefined);
      try {
        await options.call(input);
        if (options.started) void message.success(t("common.started", { what: options.started(input) }));
        await refreshKinds(queries, ...options.kinds);
        return true;
      } catch (failure) {
        setError(failure);
        options.onError?.(failure);
        if (options.isQuiet !== true) void message.error(failureText(failure), 8);
        return false;
      } finally {
        setRunning((n) => n - 1);
      }
    },
  };
}
