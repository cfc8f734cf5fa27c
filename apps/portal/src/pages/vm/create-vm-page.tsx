import { Button, Form, Steps } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "@sinter/client/portable";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { clustersQuery, vmQuery } from "../../api/queries.ts";
import { useMay, useSession } from "../../api/session-store.ts";
import { idOf } from "../../api/urns.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure, failureText } from "../../ui/failure.tsx";
import { useAction } from "../../ui/use-action.ts";
import { DisksStep } from "./create/disks-step.tsx";
import { GuestStep } from "./create/guest-step.tsx";
import { NicsStep } from "./create/nics-step.tsx";
import { OsStep } from "./create/os-step.tsx";
import { PlaceStep } from "./create/place-step.tsx";
import { placeOfRefusal, type Step, STEPS } from "./create/refusal-place.ts";
import { SizeStep } from "./create/size-step.tsx";
import { SummaryStep } from "./create/summary-step.tsx";
import { cloneRequestOf, createRequestOf, EMPTY_WISH, type Wish, wishFrom } from "./create/wish.ts";
import { readyIsosQuery } from "./isos-query.ts";

/** Which fields a step holds; those of a guest's addresses lie with the NICs. */
const FIELDS: Readonly<Record<Step, readonly (keyof Wish)[]>> = {
  place: ["from", "name", "description", "location"],
  os: ["osType", "osVersion", "firmware"],
  size: ["cpus", "coresPerSocket", "memoryMiB"],
  disks: ["disks", "isoId"],
  nics: ["nics"],
  guest: ["isCustomized", "hostname", "password", "sshKey", "nics"],
  summary: ["autoBoot"],
};
const ADDRESS_FIELDS = ["addressing", "ip", "netmask", "gateway", "dns", "secondDns"];

/** Makes a VM, from nothing or as a copy (`?from=` a template or VM, `?location=` a cluster or host). */
export function CreateVmPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const search = useSearch({ strict: false });
  const session = useSession();
  const mayOperate = useMay("operate");
  const [form] = Form.useForm<Wish>();
  const wish = {
    ...EMPTY_WISH,
    ...(Form.useWatch([], { form, preserve: true }) as Partial<Wish> | undefined),
  };
  const step: Step = STEPS.find((one) => one === search["step"]) ?? "place";
  const [refused, setRefused] = useState<{ readonly step: Step; readonly error: unknown }>();
  const isos = useQuery({ ...readyIsosQuery(), retry: false });
  const iso = isos.data?.find((one) => one.id === wish.isoId);
  const isoChoice = iso && { datastoreId: idOf(iso.datastoreUrn), name: iso.name };
  const heading = useRef<HTMLHeadingElement>(null);
  useStart(form, search);

  const go = (next: Step): void => {
    void navigate({ to: ".", search: { ...search, step: next } });
    heading.current?.focus();
  };
  const takeSource = async (urn: string): Promise<void> => {
    const source = urn === "" ? undefined : await queries.fetchQuery(vmQuery(urn));
    form.setFieldsValue(source ? wishFrom(source) : { disks: EMPTY_WISH.disks, nics: EMPTY_WISH.nics });
  };
  const create = useAction<Wish>({
    call: (final) =>
      final.from === ""
        ? client.vms.create(createRequestOf(final, isoChoice))
        : queries
            .fetchQuery(vmQuery(final.from))
            .then((source) => client.vms.clone(source, cloneRequestOf(final))),
    kinds: ["vms", "volumes", "datastores"],
    started: (final) => `${t("vm.create")} · ${final.name}`,
    isQuiet: true,
  });
  useEffect(() => {
    if (create.error === undefined) return;
    const place = placeOfRefusal(create.error instanceof ApiError ? create.error.errorCode : "");
    setRefused({ step: place.step, error: create.error });
    if (place.field) form.setFields([{ name: place.field, errors: [failureText(create.error)] }]);
    void navigate({ to: ".", search: (now: object) => ({ ...now, step: place.step }) });
  }, [create.error, form, navigate]);

  /** Goes on when all steps before `next` are right; else to the first that is not. */
  const advance = async (next: Step): Promise<void> => {
    setRefused(undefined);
    const until = STEPS.slice(0, STEPS.indexOf(next));
    const wrong = await firstWrong(form, until);
    go(wrong ?? next);
  };
  const submit = async (): Promise<void> => {
    setRefused(undefined);
    const wrong = await firstWrong(form, STEPS);
    if (wrong !== undefined) return go(wrong);
    const final = { ...EMPTY_WISH, ...form.getFieldsValue(true) };
    if (await create.run(final)) void navigate({ to: "/vms" });
  };

  const isCopy = wish.from !== "";
  const path = isCopy
    ? `/service/sites/${session.siteId}/vms/${idOf(wish.from)}/action/clone`
    : `/service/sites/${session.siteId}/vms`;
  const contents: Record<Step, ReactNode> = {
    place: <PlaceStep onSource={(urn) => void takeSource(urn)} />,
    os: <OsStep isCopy={isCopy} />,
    size: <SizeStep />,
    disks: <DisksStep isCopy={isCopy} />,
    nics: <NicsStep />,
    guest: <GuestStep />,
    summary: <SummaryStep wish={wish} path={path} iso={isoChoice} />,
  };
  const at = STEPS.indexOf(step);
  const before = STEPS[at - 1];
  const after = STEPS[at + 1];
  return (
    <div className="wizard">
      <div className="page-head">
        <h1>{t("vm.create")}</h1>
      </div>
      <Steps
        size="small"
        current={at}
        onChange={(index) => void advance(STEPS[index] ?? "place")}
        items={STEPS.map((one) => ({ title: t(`createVm.steps.${one}`) }))}
      />
      <Form
        name="new-vm"
        form={form}
        layout="vertical"
        initialValues={EMPTY_WISH}
        className="panel wizard-form"
      >
        <h2 ref={heading} tabIndex={-1}>
          {t(`createVm.steps.${step}`)}
        </h2>
        {refused?.step === step && <Failure error={refused.error} />}
        {/* All steps stay: what was typed is kept, and fields of steps to come have their values. */}
        {STEPS.map((one) => (
          <div key={one} hidden={one !== step}>
            {contents[one]}
          </div>
        ))}
        <div className="form-end">
          <Button onClick={() => void navigate({ to: "/vms" })}>{t("common.cancel")}</Button>
          {before && <Button onClick={() => go(before)}>{t("common.back")}</Button>}
          {after ? (
            <Button type="primary" onClick={() => void advance(after)}>
              {t("common.next")}
            </Button>
          ) : (
            <ActionButton
              type="primary"
              loading={create.isRunning}
              reason={mayOperate ? undefined : t("common.needsOperate")}
              onClick={() => void submit()}
            >
              {t("common.create")}
            </ActionButton>
          )}
        </div>
      </Form>
    </div>
  );
}

type WishForm = ReturnType<typeof Form.useForm<Wish>>[0];

/** What the address asks for, and the only cluster where there is one. */
function useStart(form: WishForm, search: Readonly<Record<string, unknown>>): void {
  const queries = useQueryClient();
  const from = typeof search["from"] === "string" ? search["from"] : "";
  const location = typeof search["location"] === "string" ? search["location"] : "";
  useEffect(() => {
    const start = async (): Promise<void> => {
      if (location !== "") form.setFieldValue("location", location);
      if (from !== "") {
        const source = await queries.fetchQuery(vmQuery(from));
        form.setFieldsValue({
          ...wishFrom(source),
          from,
          location: location || source.clusterUrn || source.location || "",
        });
      }
      const clusters = await queries.fetchQuery(clustersQuery());
      const [only] = clusters;
      if (only && clusters.length === 1 && !form.getFieldValue("location"))
        form.setFieldValue("location", only.urn);
    };
    // Without them the fields are empty, and say so themselves.
    void start().catch(() => {});
  }, [form, queries, from, location]);
}

async function firstWrong(form: WishForm, steps: readonly Step[]): Promise<Step | undefined> {
  const names = [...new Set(steps.flatMap((one) => FIELDS[one]))];
  try {
    await form.validateFields(names, { recursive: true });
    return undefined;
  } catch (error) {
    const { errorFields } = error as { errorFields: readonly { name: readonly (string | number)[] }[] };
    const wrong = new Set(errorFields.map(({ name }) => stepOfField(name)));
    return steps.find((one) => wrong.has(one));
  }
}

function stepOfField(name: readonly (string | number)[]): Step {
  if (name[0] === "nics" && ADDRESS_FIELDS.includes(String(name[2]))) return "guest";
  return STEPS.find((one) => (FIELDS[one] as readonly string[]).includes(String(name[0]))) ?? "place";
}
