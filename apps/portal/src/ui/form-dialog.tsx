import { Form } from "antd";
import { ApiError } from "@sinter/client/portable";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ActionDialog } from "./action-dialog.tsx";
import { failureText } from "./failure.tsx";
import { useAction } from "./use-action.ts";

export interface FormDialogProps<Values extends object> {
  readonly title: string;
  readonly okText?: string;
  readonly onClose: () => void;
  readonly initialValues: Partial<Values>;
  readonly call: (values: Values) => Promise<unknown>;
  /** Kinds whose queries are read again. */
  readonly kinds: readonly string[];
  readonly started: (values: Values) => string;
  /** Which field a refusal is about, by the contract's error code; others are shown below the form. */
  readonly fields?: Readonly<Record<string, keyof Values & string>>;
  readonly children: ReactNode;
}

/** A form in a dialog. A refusal stands beside the field it is about, and nothing that was typed is lost. */
export function FormDialog<Values extends object>(props: FormDialogProps<Values>) {
  const { t } = useTranslation();
  const { form, onFinish, isRunning, error } = useFormAction(props);
  return (
    <ActionDialog
      title={props.title}
      okText={props.okText ?? t("common.save")}
      isOpen
      onClose={props.onClose}
      onOk={() => form.submit()}
      isRunning={isRunning}
      error={error}
    >
      <Form<Values> form={form} layout="vertical" initialValues={props.initialValues} onFinish={onFinish}>
        {props.children}
      </Form>
    </ActionDialog>
  );
}

/** Also for forms that are part of a page. */
export function useFormAction<Values extends object>(
  props: Pick<FormDialogProps<Values>, "call" | "kinds" | "started" | "fields"> & {
    readonly onClose?: () => void;
  },
) {
  const [form] = Form.useForm<Values>();
  const [isPlaced, setPlaced] = useState(false);
  const action = useAction<Values>({
    call: props.call,
    kinds: props.kinds,
    started: props.started,
    isQuiet: true,
    onError: (error) => {
      const field = error instanceof ApiError ? props.fields?.[error.errorCode] : undefined;
      setPlaced(field !== undefined);
      // The type of antd's path to a field is of any depth; ours are one deep.
      if (field !== undefined) form.setFields([{ name: field as never, errors: [failureText(error)] }]);
    },
  });
  const onFinish = (values: Values): void => {
    const submit = async (): Promise<void> => {
      if (await action.run(values)) props.onClose?.();
    };
    void submit();
  };
  return { form, onFinish, isRunning: action.isRunning, error: isPlaced ? undefined : action.error };
}
