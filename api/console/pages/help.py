"""Help: what each role does and in which order, and the words that the pages use."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.console.answer import page
from api.console.language.text import words
from api.console.open_decisions import MEANS, TITLE
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.sections import (
    ACCOUNTS,
    AUDIT,
    COMPANY,
    DESK,
    HELD,
    MONEY,
    PAYOUTS,
    QUARANTINE,
    REGISTRY,
    SHORTCUTS,
)  # fmt: skip
from api.console.sessions import ConsoleRoute, logged_in

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
TASKS: Final = words({
    "finance": (
        "在“概览”或“结算”里运行结算：选批次，填下达的比例；不填比例即为测算。",
        "打开结算，核对合计和待核清单，然后提交复核。被退回时按意见处理，重新提交；数据有变化时重新运行。",
        "锁定之后收到的记录和更正，用“计算锁定之后的差额”另行结算。",
    ),
    "reviewer": (
        "在“概览”里打开待复核的结算，按市查看各单位；有疑点的单位点“疑点”看依据和记录原文。",
        "通过，或者写明理由退回。省级人员须选定市，或明确选“全部各市”。公示期间收到的异议在结算页登记。",
    ),
    "approver": (
        "核对合计、账户和计算之后的变化，批准，或者写明理由退回。",
        "需要公示的先公示；期满且没有未处理的异议，锁定。锁定之后生成支付指令，不再改变。",
        "收款账户、追回事项和退汇的支付也由审批人决定。",
    ),
    "payer": ("在“支付”和“发放”里查看指令，按银行回执办理。",),
    "auditor": ("可以查看各页和审计日志；用“核验”按用量记录重新计算一次结算。",),
    "operator": ("在“隔离区”里按原因和设施查看没有入库的记录；登记补齐之后，由登记人员或来源方重放。",),
    "registrar": (
        "在“登记”里查看单位、智算中心及每一次变更；填报单位信息、人工智能企业认定或支出凭证，写明依据和起用日期。",
        "另一位登记人员核对后确认，确认之后才登记；起用日期晚于所填日期的登记已经存在时，页面会说明这一条不改变什么。",
        "登记补齐之后，在“隔离区”里重放未入库的记录。",
    ),
    "entity": (
        "在“本单位”里看到本单位的用量、未入库的记录、预计补助和公示后的计算说明。",
        "确认申领和收款账户；账户有变化时提出新账户，由审批人批准。公示期内对本单位的结果有不同意见的，提出异议。",
    ),
    "admin": (
        "在“人员”里新建、停用人员，重置密码和第二因素；密码和二维码只显示一次，当面交给本人。",
        "在“密钥”里为系统新建接口密钥，只给所需的权限；不再使用的吊销。命令行也可以办理（suanbu user、suanbu key）。",
    ),
})  # fmt: skip
WORDS: Final = words(
    (
        ("P时", "以 FP16 稠密算力计的使用量，一 PFLOPS 使用一小时。"),
        ("使用量、被使用量、补助量", "本单位用了多少；别人用了本单位的设施多少；前者减后者。集团按关联企业合并计算。"),
        ("计入的算力支出", "按批次规则可以计入的费用：经平台、符合用途、在省内等。"),
        ("补助基数", "计入支出乘以净额系数（补助量占使用量的比例，本单位与集团取小）。"),
        ("补助金额", "补助基数乘以比例，取整到分。"),
        ("待核金额", "待核的原因全部消除之后会增加的补助。“待核清单”写明每种原因需要满足什么、由谁办理。"),
        ("应付金额", "现在可以支付的补助；有预算时按预算分配。"),
        ("口径", "通知没有写明之处怎样处理；每次结算列出所用的口径，“口径区间”显示换一种读法的影响。"),
        ("差额", "锁定之后重新计算与已锁定金额之差；正数补付，负数追回。"),
        ("疑点", "从记录里看出的值得核对之处，不改变金额。"),
        ("隔离区", "没有入库的记录，原样保存，等人处理。"),
        ("批号", "每次入库的序号；“截至批号”说明一次结算用到哪里为止的数据。"),
        ("摘要", "内容的指纹；内容有任何改变，摘要就不同。"),
    )
)
SHORTCUT_WORDS: Final = words(
    (
        (SHORTCUTS["overview"], "概览"), (SHORTCUTS[MONEY], "结算"), (SHORTCUTS[HELD], "待核"),
        (SHORTCUTS[PAYOUTS], "支付"), (SHORTCUTS[DESK], "发放"), (SHORTCUTS[ACCOUNTS], "账户"),
        (SHORTCUTS[REGISTRY], "登记"), (SHORTCUTS[QUARANTINE], "隔离区"), (SHORTCUTS[AUDIT], "审计"),
        ("0", "帮助"), ("s", "查找"), ("j", "下一页"), ("k", "上一页"),
    )
)  # fmt: skip
OF_A_COMPANY: Final = words((
    (SHORTCUTS[COMPANY], "本单位"), ("0", "帮助"), ("j", "下一页"), ("k", "上一页"),
))  # fmt: skip


@ROUTER.get("/help")
async def get_help(request: Request, queries: Shelf) -> Response:
    """Show the help, this person's role first."""
    person = await logged_in(request, queries)
    mine = {person.role: TASKS[person.role]} if person.role in TASKS else {}
    return page(
        "help", **frame(request, person, "help"), tasks={**mine, **TASKS}, words=WORDS,
        decisions=[(TITLE[event], MEANS[event]) for event in TITLE],
        shortcuts=SHORTCUT_WORDS if person.uscc is None else OF_A_COMPANY,
    )  # fmt: skip
