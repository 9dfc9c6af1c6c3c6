import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures.ts";

async function logIn(page: Page, name: string): Promise<void> {
  await page.getByLabel("Email").fill(`${name}@example.com`);
  await page.getByLabel("Password").fill(`${name}-password`);
  await page.getByRole("button", { name: "Log in" }).click();
}

const carts = (page: Page) => page.getByRole("region", { name: "Your carts" });

test("an empty cart list", async ({ cartMock, openShop }) => {
  await cartMock.importState({
    customers: [{ id: "ada", name: "Ada", email: "ada@example.com", password: "ada-password" }],
  });
  const page = await openShop();
  await logIn(page, "ada");
  await expect(carts(page)).toContainText("No carts yet.");
});

test("a shared cart is in both lists, another's is not", async ({ cartMock, openShop }) => {
  await cartMock.seed("shared-cart");
  const [adas, bobs] = [await openShop(), await openShop()];
  await logIn(adas, "ada");
  await logIn(bobs, "bob");
  await expect(carts(adas).getByRole("listitem")).toHaveCount(2);
  await expect(carts(adas)).toContainText("Household");
  await expect(carts(bobs).getByRole("listitem")).toHaveText(["Household"]);
});

test("a guest's cart is kept on all devices", async ({ cartMock, openShop }) => {
  await cartMock.seed("shared-cart");
  const phone = await openShop();
  await logIn(phone, "ada");
  await phone.getByRole("button", { name: "Keep it on all my devices" }).click();
  await expect(carts(phone).getByRole("listitem")).toHaveCount(3);

  const laptop = await openShop();
  await logIn(laptop, "ada");
  await expect(carts(laptop).getByRole("listitem")).toHaveCount(3);
  await cartMock.verify({
    operation: "createCustomerCartAssociation",
    customer: "ada",
    body: { data: [{ type: "customer", id: "ada" }] },
    times: 1,
  });
});

test("a name is displayed unchanged, including its symbols", async ({ cartMock, openShop }) => {
  await cartMock.seed("one-shopper");
  const page = await openShop();
  await logIn(page, "ada");
  const name = `<b>"Gifts" & ünïcode 🎁</b>`;
  await page.getByLabel("A new cart").fill(name);
  await page.getByRole("button", { name: "Create" }).click();
  await expect(carts(page).getByRole("listitem").filter({ hasText: name })).toHaveCount(1);
});

test("the next login fails, and the one after it does not", async ({ cartMock, openShop }) => {
  await cartMock.seed("one-shopper");
  await cartMock.fault("error", { operation: "createCustomerToken", rule: "service-unavailable", times: 1 });
  const page = await openShop();
  await logIn(page, "ada");
  await expect(page.getByRole("alert")).not.toBeEmpty();
  await logIn(page, "ada");
  await expect(carts(page)).toBeVisible();
  await cartMock.verify({ operation: "createCustomerToken", status: 503, times: 1 });
});

test("an answer that is lost after the change was made", async ({ cartMock, openShop }) => {
  await cartMock.seed("one-shopper");
  const page = await openShop();
  await logIn(page, "ada");
  await expect(carts(page).getByRole("listitem")).toHaveCount(2);
  await cartMock.takeSnapshot("before");
  // Not once only: a browser whose kept connection is closed sends the request again by itself.
  await cartMock.fault("lose-reply", { operation: "createCustomerCartAssociation" });
  await page.getByRole("button", { name: "Keep it on all my devices" }).click();
  await expect(page.getByRole("alert")).toContainText("cannot be reached");
  expect((await cartMock.diff("before")).same).toBe(false);
  await cartMock.clearFaults();
  await page.reload();
  await expect(carts(page).getByRole("listitem")).toHaveCount(3);
});

test("a refusal is explained", async ({ cartMock, openShop }) => {
  await cartMock.seed("one-shopper");
  const page = await openShop();
  const answered = page.waitForResponse((answer) => answer.request().method() === "POST" && answer.status() === 401);
  await logIn(page, "unknown");
  const answer = await answered;
  const explanation = await cartMock.explain(answer.headers()["x-request-id"] ?? "");
  expect(explanation.rule?.id).toBe("credentials-wrong");
  expect((await cartMock.coverage("credentials-wrong")).missing).toEqual([]);
});

test("a mock that breaks a rule shows what the tests above would notice", async ({ cartMock, openShop }) => {
  await cartMock.seed("shared-cart");
  await cartMock.breakRules("others-cannot-see:all-listed");
  const page = await openShop();
  await logIn(page, "bob");
  await expect(carts(page).getByRole("listitem").filter({ hasText: "Cleo's own" })).toHaveCount(1);
});
