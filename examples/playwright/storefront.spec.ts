import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures.ts";

async function logIn(page: Page, name: string): Promise<void> {
  await page.getByLabel("Email").fill(`${name}@example.com`);
  await page.getByLabel("Password").fill(`${name}-password`);
  await page.getByRole("button", { name: "Log in" }).click();
}

const carts = (page: Page) => page.getByRole("region", { name: "Your carts" });
const cart = (page: Page, name = "Cart of this device") => page.getByRole("region", { name, exact: true });
const add = (page: Page, product: string) => page.getByRole("button", { name: `Add ${product}` }).click();

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

test("a guest's cart is kept, and is on the other device with its items", async ({ cartMock, openShop }) => {
  await cartMock.seed("shop");
  const phone = await openShop();
  await add(phone, "Mug");
  await add(phone, "Mug");
  await expect(cart(phone)).toContainText("$25.00");
  await logIn(phone, "ada");
  await phone.getByRole("button", { name: "Keep it on all my devices" }).click();
  await expect(carts(phone).getByRole("listitem")).toHaveCount(1);

  const laptop = await openShop();
  await logIn(laptop, "ada");
  await carts(laptop).getByRole("listitem").getByRole("button").click();
  await expect(cart(laptop, "Cart").getByRole("listitem")).toHaveCount(1);
  await laptop.getByRole("button", { name: "One Mug more" }).click();
  await expect(laptop.getByText("$37.50").first()).toBeVisible();
  await phone.reload();
  await expect(phone.getByText("$37.50").first()).toBeVisible();
  await cartMock.verify({
    operation: "createCustomerCartAssociation",
    customer: "ada",
    body: { data: [{ type: "customer", id: "ada" }] },
    times: 1,
  });
});

test("a guest's cart is merged into the customer's, and checked out on the other device", async ({ cartMock, openShop }) => {
  await cartMock.seed("guest-cart");
  const phone = await openShop();
  await add(phone, "T-shirt, M");
  await logIn(phone, "ada");
  await phone.getByRole("button", { name: "Merge it into “Ada's cart”" }).click();
  await expect(cart(phone, "Ada's cart").getByRole("listitem")).toHaveCount(2);

  const laptop = await openShop();
  await logIn(laptop, "ada");
  await carts(laptop).getByRole("button", { name: "Ada's cart" }).click();
  await expect(cart(laptop, "Ada's cart")).toContainText("$37.49");
  await laptop.getByRole("button", { name: "Check out" }).click();
  await expect(laptop.getByRole("status")).toHaveText("Thank you. Your order is $37.49.");
  await expect(cart(laptop, "Ada's cart")).toContainText("Nothing in it yet.");
  await cartMock.verify({ operation: "checkoutCart", times: 1 });
  await cartMock.verify({ operation: "createOrderPayment", times: 1 });
});

test("a product that is sold out is refused, and the shop says so", async ({ cartMock, openShop }) => {
  await cartMock.seed("shop");
  const page = await openShop();
  await add(page, "Lamp");
  await expect(page.getByRole("alert")).not.toBeEmpty();
  await expect(cart(page)).toContainText("Nothing in it yet.");
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
