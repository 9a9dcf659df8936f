from penstock.common.restart_strategy import *
