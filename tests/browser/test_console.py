"""Each task of each role in Chromium, from login to lock; then every page is looked at, by axe and by camera."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.browser.desk import Desk
from tests.support.console_pages import pages
from tests.support.province import code_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
PICTURES: Final = Path(__file__).resolve().parents[2] / "build" / "console"
NUMBER: Final = "anhui-2026-0001"
LOOKS: Final = ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"))
PARTS: Final = 3  # so that no test is long on a busy machine


async def test_from_usage_to_a_locked_round(desks: dict[str, Desk]) -> None:
    finance, reviewer, city, approver = (desks[name] for name in ("财政甲", "复核乙", "芜湖丙", "审批丁"))
    await finance.says("没有等待您办理的事项")
    await finance.click("运行结算或测算")
    await finance.page.get_by_label("补助比例（%）").fill("20")
    await finance.click("运行")
    await finance.says("尚待：财政提交复核")
    await finance.click("提交复核")
    await finance.click("确认提交复核")
    await finance.says("尚待：复核")

    await city.go("/console/overview")
    await city.click("复核")
    await city.page.get_by_label("通过").check()
    await city.click("确认复核")
    await city.says("改为退回")
    await reviewer.go(f"/console/settlements/{NUMBER}/decide/review")
    await reviewer.page.get_by_label("通过").check()
    await reviewer.click("确认复核")
    await reviewer.says("请选择市，或选择“全部各市”")
    await reviewer.page.get_by_label("市", exact=True).select_option("*")
    await reviewer.page.get_by_label("通过").check()
    await reviewer.click("确认复核")
    await reviewer.says("尚待：审批人批准或退回")

    await approver.go("/console/overview")
    await approver.click("批准")
    await approver.says("结算摘要")
    await approver.click("确认批准")
    await approver.says("尚待：审批人公示或锁定")
    await approver.click("锁定")
    await approver.click("确认锁定")
    await approver.page.get_by_text("已锁定").first.wait_for(timeout=60_000)

    await finance.go("/console/run")
    await finance.page.get_by_label("补助比例（%）").fill("15")
    await finance.click("运行")
    await finance.says("确属要改动已锁定的结果")


async def test_a_reader_finds_a_line_and_prints_its_statement_on_two_sides(desks: dict[str, Desk]) -> None:
    auditor = desks["审计己"]
    await auditor.go(f"/console/settlements/{NUMBER}")
    await auditor.page.get_by_label("关键字").fill("340200-1")
    await auditor.click("筛选")
    await auditor.says("1 个单位")
    await auditor.page.get_by_role("link", name="340200-1 有限公司").click()
    await auditor.says("金额的由来")
    await auditor.click("计算说明（打印）")
    printed = await auditor.page.pdf(format="A4", prefer_css_page_size=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 2


async def test_cases_are_compared(desks: dict[str, Desk]) -> None:
    auditor = desks["审计己"]
    await auditor.go("/console/whatif")
    await auditor.click("比较")
    await auditor.page.get_by_text("方案 2 比方案 1").first.wait_for(timeout=60_000)


async def test_money_goes_out_by_two_hands_and_the_receipt_is_booked(desks: dict[str, Desk]) -> None:
    payer, approver = desks["支付戊"], desks["审批丁"]
    await payer.go("/console/payout-runs")
    await payer.click("提出发放批次")
    await payer.says("待批准发放")
    await approver.go("/console/payout-runs/1")
    await approver.prove()
    await approver.click("批准发放")
    await approver.says("已批准发放")
    await payer.go("/console/payout-runs/1")
    await payer.click("生成银行文件")
    await payer.go("/console/payout-runs/1")
    await payer.says("已发文件")
    await payer.go("/console/payouts/1/mark")
    await payer.page.get_by_label("银行结果").select_option("paid")
    amount = await payer.page.locator(".sub").inner_text()
    await payer.page.get_by_label("划转金额（元）").fill(amount.split("应付")[1].replace("元", "").strip())
    await payer.page.get_by_label("银行参考号").fill("BANK-1")
    await payer.prove()
    await payer.click("登记结果")
    await payer.says("已支付")


async def test_an_operator_finds_what_was_not_taken(desks: dict[str, Desk]) -> None:
    operator = desks["运行庚"]
    await operator.go("/console")
    await operator.click("隔离区")
    await operator.says("类原因")
    await operator.page.locator("tbody a").first.click()
    await operator.says("nowhere")


async def test_a_company_sees_its_own_and_confirms_it(desks: dict[str, Desk]) -> None:
    company = desks["企业壬"]
    await company.go("/console")
    await company.says("340200-1 有限公司")
    await company.says("没有入库的记录")
    await company.prove()
    await company.click("确认申领和收款账户")
    await company.says("已确认申领")
    await company.page.get_by_role("link", name="明细与计算过程").first.click()
    await company.says("金额的由来")
    await company.click("计算说明（打印）")
    await company.says("算力补助计算说明")
    await company.go("/console/company/use")
    await company.says("2025-09")
    await company.go("/console/company/account")
    await company.page.get_by_label("开户银行").fill("另一银行")
    await company.page.get_by_label("账号").fill("123456789")
    await company.prove()
    await company.click("提出")
    await company.says("待批准")


async def test_an_administrator_makes_a_person_who_logs_in_and_a_key(desks: dict[str, Desk], browser: Browser) -> None:
    admin = desks["管理辛"]
    await admin.go("/console")
    await admin.click("人员")
    await admin.click("新建人员")
    await admin.page.get_by_label("用户名").fill("新来的")
    await admin.page.get_by_label("角色").select_option("auditor")
    await admin.prove()
    await admin.click("新建")
    await admin.says("只显示这一次")
    shown = await admin.page.content()
    await admin.page.screenshot(path=PICTURES / "secrets.jpeg", full_page=True, type="jpeg", quality=80)
    password = re.search(r'<code class="secret">([^<]+)</code>', shown)
    secret = re.search(r"secret=([A-Z2-7]+)", shown)
    assert password
    assert secret
    new = await Desk.of(browser, admin.url)
    await new.log_in("新来的", secret[1], password[1])
    await new.close()
    await admin.click("密钥")
    await admin.click("新建密钥")
    await admin.page.get_by_label("名称（谁持有）").fill("报表系统")
    await admin.page.get_by_label("查看结算与报表").check()
    await admin.prove()
    await admin.click("新建")
    await admin.says("密钥已新建")
    await admin.click("返回密钥")
    await admin.page.locator("tbody a").first.click()
    await admin.prove()
    await admin.click("吊销")
    await admin.says("已吊销")


async def test_a_fact_is_entered_by_one_and_confirmed_by_another(desks: dict[str, Desk]) -> None:
    first, second = desks["登记壬"], desks["登记癸"]
    await first.go(f"/console/registry/entities/{code_of('340200', 1)}")
    await first.click("认定人工智能企业")
    await first.page.get_by_label("起用日期").fill("2025-09-01")
    await first.page.get_by_label("依据").fill("认定文件 1 号")
    await first.click("提交确认")
    await first.says("须由另一位登记人员确认")
    await second.go("/console/registry")
    await second.click("单位信息 340200-1 有限公司")
    await second.prove()
    await second.click("确认并登记")
    await second.says("已登记")
    await second.go(f"/console/registry/entities/{code_of('340200', 1)}")
    await second.says("2025-09-01 起")


async def test_a_facility_is_entered_by_one_and_confirmed_by_another(desks: dict[str, Desk]) -> None:
    first, second = desks["登记壬"], desks["登记癸"]
    await first.go("/console/registry")
    await first.click("填报智算中心")
    await first.page.get_by_label("编号").fill("hf-new")
    await first.page.get_by_label("名称").fill("合肥新智算中心")
    await first.page.get_by_label("所在地代码").fill("340100")
    await first.page.get_by_label("是否智能算力").select_option("yes")
    await first.page.get_by_label("投资方").fill(f"{code_of('340200', 1)} 100")
    await first.page.get_by_label("依据").fill("立项批复 3 号")
    await first.click("提交确认")
    await first.says("须由另一位登记人员确认")
    await second.go("/console/registry")
    await second.click("智算中心 合肥新智算中心")
    await second.prove()
    await second.click("确认并登记")
    await second.says("已登记")
    await second.go("/console/registry/facilities/hf-new")
    await second.says("今天生效")


async def test_an_auditor_checks_the_books_and_takes_the_evidence_home(desks: dict[str, Desk]) -> None:
    auditor = desks["审计己"]
    await auditor.go("/console/overview")
    await auditor.click("核验")
    await auditor.says("还没有签署过检查点")
    await auditor.click("核验用量合计")
    await auditor.says("与保存的合计相比")
    await auditor.click("返回核验")
    await auditor.click("核验结算")
    await auditor.says("与保存的结算相比")
    await auditor.click("返回核验")
    async with auditor.page.expect_download(timeout=60_000) as file:
        await auditor.page.get_by_role("button", name="下载证据包").click()
    assert (await file.value).suggested_filename == f"{NUMBER}-evidence.zip"


@pytest.mark.parametrize("part", range(PARTS))
async def test_every_page_is_looked_at(desks: dict[str, Desk], part: int) -> None:
    """What no role may open, or is not there, is looked at as the refusal that it is."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    axe, wrong, opened = Axe(), dict[str, Any](), 0
    for path in pages(NUMBER, code_of("340200", 1), "企业壬")[part::PARTS]:
        for name in ("财政甲", "审批丁", "支付戊", "审计己", "管理辛", "企业壬", "运行庚", "登记壬"):
            page = desks[name].page
            answer = await page.goto(f"{desks[name].url}{path}")
            assert answer is not None
            assert answer.status < 500, path
            if answer.status == 200:
                opened += 1
                break
        for width, scheme in LOOKS:
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            if (width == 390 and scheme == "dark") or (width == 1280 and scheme == "light"):
                results = await axe.run(page)
                if results.violations_count:
                    wrong[f"{path} {width} {scheme}"] = [
                        (one["id"], one["nodes"][0]["html"][:120]) for one in results.response["violations"]
                    ]
            wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if wide > 0:
                wrong[f"{path} {width} is too wide"] = wide
            file = f"{path.strip('/').replace('/', '_')}-{width}-{scheme}.jpeg"
            await page.screenshot(path=PICTURES / file, full_page=True, type="jpeg", quality=80)
    assert opened > 5
    assert not wrong, "\n".join(f"{place}: {found}" for place, found in wrong.items())
