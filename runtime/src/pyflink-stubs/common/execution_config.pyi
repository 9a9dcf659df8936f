from penstock.common.execution_config import *
