import { Button, type ButtonProps } from "antd";
import { type ReactNode, useRef } from "react";

/** A button that asks for files of this computer. */
export function FilePicker(props: {
  readonly size?: ButtonProps["size"];
  readonly icon?: ReactNode;
  readonly label: string;
  readonly isMultiple?: boolean;
  readonly onPick: (files: File[]) => void;
  readonly children: ReactNode;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        multiple={props.isMultiple === true}
        accept=".iso,.img,application/x-iso9660-image,application/vnd.efi.iso"
        aria-label={props.label}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          // The same file can be picked again.
          event.target.value = "";
          props.onPick(files);
        }}
      />
      <Button
        {...(props.size === undefined ? {} : { size: props.size })}
        icon={props.icon}
        aria-label={props.label}
        onClick={() => input.current?.click()}
      >
        {props.children}
      </Button>
    </>
  );
}
